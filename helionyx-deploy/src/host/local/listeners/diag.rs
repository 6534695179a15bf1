//! Who listens on a TCP port, asked of the kernel by sock_diag(7). It looks among what listens only,
//! in microseconds; to show /proc/net/tcp it goes through all places that the machine has for
//! connections, also those without one, which takes milliseconds. I/O through one socket.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::name::Port;
use crate::state::Listener;

/// Of both.
const FAMILIES: [AddressFamily; 2] = [AddressFamily::INET, AddressFamily::INET6];
const TCP: u8 = 6;
const TCP_LISTEN: u8 = 10;
/// The kernel answers in messages of at most half of this, in bytes.
const BUFFER: usize = 64 * 1024;

// linux/netlink.h, linux/sock_diag.h
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;
/// The length of `struct inet_diag_req_v2`.
const REQUEST: usize = 56;

/// The listening sockets of this port, on any address; who holds them is not said.
///
/// # Errors
/// When the kernel cannot be asked, or not be understood.
pub fn listeners(port: Port) -> io::Result<Vec<Listener>> {
    let flags = SocketFlags::CLOEXEC;
    let kind = SocketType::DGRAM;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, kind, flags, Some(SOCK_DIAG))?;
    let mut found = Vec::new();
    let mut buffer = vec![0; BUFFER];
    for family in FAMILIES {
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&socket, &request(family, port), SendFlags::empty(), &kernel)?;
        loop {
            // What there is to say the kernel says at once.
            let (count, _) = rustix::net::recv(&socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
            if listed(&buffer[..count], port, &mut found)? == Then::End {
                break;
            }
        }
    }
    Ok(found)
}

fn request(family: AddressFamily, port: Port) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + REQUEST);
    bytes.extend(u32::try_from(HEADER + REQUEST).unwrap_or_default().to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([u8::try_from(family.as_raw()).unwrap_or_default(), TCP, 0, 0]);
    bytes.extend((1_u32 << TCP_LISTEN).to_ne_bytes());
    bytes.extend(port.get().to_be_bytes());
    bytes.resize(HEADER + REQUEST, 0);
    bytes
}

/// Whether an answer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    More,
    End,
}

/// Takes in the messages of one reception.
fn listed(mut bytes: &[u8], port: Port, found: &mut Vec<Listener>) -> io::Result<Then> {
    let unclear =
        || io::Error::new(io::ErrorKind::InvalidData, "an answer of sock_diag is unclear");
    while !bytes.is_empty() {
        let length = long(bytes, 0).ok_or_else(unclear)? as usize;
        let message = bytes.get(..length).filter(|_| length >= HEADER).ok_or_else(unclear)?;
        let (kind, flags) = (short(message, 4), short(message, 6));
        // What is told changed meanwhile.
        if flags.is_none_or(|flags| flags & NLM_F_DUMP_INTR != 0) {
            return Err(unclear());
        }
        let body = &message[HEADER..];
        match kind {
            // Either ends with a code, e.g. where the kernel knows sockets but not those of TCP.
            Some(kind @ (NLMSG_DONE | NLMSG_ERROR)) => {
                let code = long(body, 0).ok_or_else(unclear)?.cast_signed();
                return match (kind, code) {
                    (NLMSG_DONE, 0) => Ok(Then::End),
                    (_, code) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
                };
            }
            Some(SOCK_DIAG_BY_FAMILY) => {
                let (state, address, uid, inode) = socket(body).ok_or_else(unclear)?;
                if state == TCP_LISTEN && address.port() == port.get() {
                    let (address, inode) = (address.to_string(), u64::from(inode));
                    found.push(Listener { address, inode, uid, holders: Vec::new() });
                }
            }
            _ => return Err(unclear()),
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(Then::More)
}

/// What a `struct inet_diag_msg` says: the state, the address, the owner and the inode.
fn socket(body: &[u8]) -> Option<(u8, SocketAddr, u32, u32)> {
    let ip = match AddressFamily::from_raw(u16::from(*body.first()?)) {
        AddressFamily::INET => IpAddr::from(<[u8; 4]>::try_from(body.get(8..12)?).ok()?),
        AddressFamily::INET6 => IpAddr::from(<[u8; 16]>::try_from(body.get(8..24)?).ok()?),
        _ => return None,
    };
    let port = u16::from_be_bytes(body.get(4..6)?.try_into().ok()?);
    Some((*body.get(1)?, SocketAddr::new(ip, port), long(body, 64)?, long(body, 68)?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    }

    fn body(family: u8, state: u8, port: u16, ip: &[u8]) -> Vec<u8> {
        let mut bytes = vec![family, state, 0, 0];
        bytes.extend(port.to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend(ip);
        bytes.resize(64, 0);
        bytes.extend([1000_u32.to_ne_bytes(), 4711_u32.to_ne_bytes()].concat());
        bytes
    }

    #[test]
    fn an_answer_is_read_by_port_and_state_and_what_is_not_understood_is_an_error() {
        let port = Port::try_from(8000).unwrap();
        let read = |bytes: &[u8]| {
            let mut found = Vec::new();
            let then = listed(bytes, port, &mut found).map_err(|error| error.kind());
            then.map(|then| (then, found.into_iter().map(|one| one.address).collect::<Vec<_>>()))
        };
        let seen = |body: Vec<u8>| message(SOCK_DIAG_BY_FAMILY, 2, &body);
        let (four, mut six) = (body(2, TCP_LISTEN, 8000, &[127, 0, 0, 1]), [0; 16]);
        six[15] = 1;
        let all = [
            seen(four.clone()),
            seen(body(10, TCP_LISTEN, 8000, &six)),
            seen(body(2, TCP_LISTEN, 8001, &[0; 4])),
            seen(body(2, 1, 8000, &[0; 4])),
        ];
        let addresses = vec!["127.0.0.1:8000".to_owned(), "[::1]:8000".to_owned()];
        assert_eq!(read(&all.concat()), Ok((Then::More, addresses)));
        let done = message(NLMSG_DONE, 2, &[0; 4]);
        assert_eq!(read(&[seen(four.clone()), done].concat()).unwrap().0, Then::End);

        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            let no_such_protocol = message(kind, 0, &(-2_i32).to_ne_bytes());
            assert_eq!(read(&no_such_protocol), Err(io::ErrorKind::NotFound), "{kind}");
        }
        for unclear in [
            message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP_INTR, &four),
            message(SOCK_DIAG_BY_FAMILY, 2, &four[..70]),
            message(4711, 2, &four),
            message(NLMSG_DONE, 2, &[]),
            seen(body(1, TCP_LISTEN, 8000, &[0; 4])),
            seen(four.clone())[..40].to_vec(),
            vec![0; 16],
            vec![1; 3],
        ] {
            assert_eq!(read(&unclear), Err(io::ErrorKind::InvalidData));
        }
    }
}

//! Reading a request: as much of HTTP/1.1 as this service needs. What its head
//! means is told by `httparse`.

use httparse::{EMPTY_HEADER, Header};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// The longest event taken; enough for a test, too little to fill a disk by
/// accident.
const BODY_LIMIT: u64 = 64 * 1024;

/// The longest request line and header fields together.
const HEAD_LIMIT: u64 = 16 * 1024;

/// The most header fields.
const FIELD_LIMIT: usize = 100;

const BAD_HEAD_SIZE: Trouble = Trouble::Refused(431, "the request's head is cut off or too long");

/// One request, whole.
#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub body: Vec<u8>,
}

/// Why there is no request.
#[derive(Debug)]
pub enum Trouble {
    /// The client left, or never said anything.
    Gone,
    /// The client is to be told with this status and these words.
    Refused(u16, &'static str),
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// What the header fields say about the body.
#[derive(Debug, Default)]
struct BodyPlan {
    length: u64,
    /// The client waits for a word before it sends the body.
    announced: bool,
}

impl From<httparse::Error> for Trouble {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::Version => Self::Refused(505, "only HTTP/1.1 is spoken here"),
            httparse::Error::TooManyHeaders => BAD_HEAD_SIZE,
            _ => Self::Refused(400, "not HTTP"),
        }
    }
}

/// Reads the one request of a connection.
pub fn read(stream: &TcpStream) -> Result<Request, Trouble> {
    let mut from = BufReader::new(stream);
    let (mut request, plan) = read_head(&mut from)?;
    if plan.announced {
        let mut to = stream;
        to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    from.take(plan.length).read_to_end(&mut request.body)?;
    if (request.body.len() as u64) < plan.length {
        return Err(Trouble::Gone);
    }
    Ok(request)
}

/// Reads line by line, so that a mistake is answered as soon as it is made,
/// and nothing of the body is taken along.
fn read_head(from: &mut impl BufRead) -> Result<(Request, BodyPlan), Trouble> {
    let mut from = from.take(HEAD_LIMIT);
    let mut text = Vec::new();
    while from.read_until(b'\n', &mut text)? > 0 {
        let mut fields = [EMPTY_HEADER; FIELD_LIMIT];
        let mut head = httparse::Request::new(&mut fields);
        if head.parse(&text)?.is_complete() {
            let method = head.method.unwrap_or_default().to_owned();
            let path = head.path.and_then(|target| target.split('?').next());
            let path = path.unwrap_or_default().to_owned();
            return Ok((Request { method, path, body: Vec::new() }, body_plan(head.headers)?));
        }
    }
    Err(if text.is_empty() { Trouble::Gone } else { BAD_HEAD_SIZE })
}

fn body_plan(fields: &[Header]) -> Result<BodyPlan, Trouble> {
    let mut plan = BodyPlan::default();
    for field in fields {
        match field.name.to_ascii_lowercase().as_str() {
            "content-length" => {
                let number = std::str::from_utf8(field.value).ok();
                let length = number.and_then(|number| number.trim().parse().ok());
                plan.length = length.ok_or(Trouble::Refused(400, "bad Content-Length"))?;
            }
            "transfer-encoding" => {
                return Err(Trouble::Refused(411, "the body needs a Content-Length"));
            }
            "expect" => plan.announced = field.value.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
        if plan.length > BODY_LIMIT {
            return Err(Trouble::Refused(413, "the body is longer than 64 KiB"));
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::{FIELD_LIMIT, Request, Trouble, read_head};

    /// The request, or the status it is refused with.
    fn head(text: &str) -> Result<Request, Option<u16>> {
        match read_head(&mut text.as_bytes()) {
            Ok((request, _)) => Ok(request),
            Err(Trouble::Refused(status, _)) => Err(Some(status)),
            Err(Trouble::Gone) => Err(None),
        }
    }

    fn refusal(text: &str) -> Option<u16> {
        head(text).err().flatten()
    }

    #[test]
    fn the_query_is_no_part_of_the_path() {
        let request = head("GET /health?x=1 HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/health"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let fields = |text: &str| refusal(&format!("POST /events HTTP/1.1\r\n{text}"));
        assert_eq!(refusal("hello\r\n"), Some(400));
        assert_eq!(refusal("GET /\r\n"), Some(400));
        assert_eq!(refusal("GET / HTTP/2.0\r\n"), Some(505));
        assert_eq!(fields("Content-Length: 65537\r\n\r\n"), Some(413));
        assert_eq!(fields("content-length: -1\r\n\r\n"), Some(400));
        assert_eq!(fields("Transfer-Encoding: chunked\r\n\r\n"), Some(411));
        assert_eq!(fields("Host\r\n"), Some(400));
        assert_eq!(fields("Host: a"), Some(431));
        assert_eq!(fields("Content-Length: 65536\r\n\r\n"), None);
        assert_eq!(head("").unwrap_err(), None);
    }

    #[test]
    fn a_head_has_its_limits() {
        let start = "GET / HTTP/1.1\r\nA: ";
        let long = |length: usize| format!("{start}{}\r\n\r\n", "a".repeat(length));
        let most = 16 * 1024 - long(0).len();
        assert_eq!(refusal(&long(most)), None);
        assert_eq!(refusal(&long(most + 1)), Some(431));
        let many = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "A: a\r\n".repeat(count));
        assert_eq!(refusal(&many(FIELD_LIMIT)), None);
        assert_eq!(refusal(&many(FIELD_LIMIT + 1)), Some(431));
    }

    #[test]
    fn the_body_is_left_for_later() {
        let mut text = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\na\n\nb".as_slice();
        assert_eq!(read_head(&mut text).unwrap().1.length, 4);
        assert_eq!(text, b"a\n\nb");
    }
}

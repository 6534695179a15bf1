//! Text that is likely to be misread on its way to a process. No I/O.

use proptest::prelude::*;

/// Pieces that mean something to systemd, to a shell, or to nobody.
const PIECES: [&str; 46] = [
    "\r",
    "\n",
    "\0",
    "\u{85}",
    "\u{2028}",
    "\x0b",
    "\x0c",
    "\t",
    " ",
    "\u{a0}",
    "\x1b",
    "\x7f",
    "\u{feff}",
    "\u{fffe}",
    "\u{fdd0}",
    "%",
    "%%",
    "%n",
    "%z",
    "%i",
    "$",
    "$$",
    "$V",
    "${V}",
    "${",
    "}",
    ";",
    ",",
    ":",
    "#",
    "\"",
    "'",
    "\\",
    "\\x41",
    "\\n",
    "\\;",
    "/",
    "..",
    "-",
    "@",
    "!",
    "[Service]",
    "ExecStart=",
    "=",
    "ä",
    "a",
];

/// Strings that somebody might take for more than text.
pub fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

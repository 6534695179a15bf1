//! The stable names of all kinds of findings in environment files, with what each means. No I/O.

crate::model::code::codes! {
    BOM = "env-bom": "A byte order mark, which becomes part of the first name.";
    NUL = "env-nul": "A NUL byte: systemd refuses the file.";
    NOT_UTF8 = "env-not-utf8": "Bytes that are not UTF-8: systemd refuses the file.";
    NONCHARACTER = "env-noncharacter": "A character that is reserved: systemd refuses the file.";
    CRLF = "env-crlf": "Lines that end in CR LF: a shell takes the CR for a part of the value.";
    CARRIAGE_RETURN = "env-carriage-return": "A CR that ends a line or is part of a value.";
    COMMENT_BACKSLASH = "env-comment-backslash": "A comment that ends in a backslash: up to systemd 253 it takes the next line in.";
    NO_ASSIGNMENT = "env-no-assignment": "A line without `=`, which is dropped.";
    EXPORT = "env-export": "`export` before a name: systemd drops the line, and logs its value.";
    INVALID_KEY = "env-invalid-key": "No variable name before `=`: systemd drops the line, and logs its value.";
    INLINE_COMMENT = "env-inline-comment": "A comment behind a value: systemd takes it for a part of the value.";
    UNTERMINATED_QUOTE = "env-unterminated-quote": "A quote without its partner: the rest of the file becomes the value.";
    TEXT_AFTER_QUOTE = "env-text-after-quote": "Text behind the closing quote, which is appended.";
    QUOTE_IN_VALUE = "env-quote-in-value": "A quote that does not open the value: systemd keeps it.";
    TRAILING_BACKSLASH = "env-trailing-backslash": "A backslash at a line's end: the next line becomes part of the value.";
    BACKSLASH = "env-backslash": "A backslash that readers do not read alike.";
    EXPANSION = "env-expansion": "What looks like an expansion: systemd expands nothing.";
    TOO_LONG = "env-too-long": "More than the kernel hands to a process.";
    DUPLICATE_KEY = "env-duplicate-key": "A variable twice: the later value counts.";
    NOT_PORTABLE = "env-not-portable": "A value that systemd, bash, python-dotenv and compose do not read alike.";
    PLACEHOLDER = "env-placeholder": "A value that is still to be filled in.";
    UNKNOWN_KEY = "env-unknown-key": "A variable that the model does not declare.";
    MISSING_KEY = "env-missing-key": "A variable that the model declares and the file does not have.";
    RESERVED_KEY = "env-reserved-key": "A variable that the deployer sets: the file's value would win.";
    SECRET_IN_EXAMPLE = "env-secret-in-example": "A secret with a value in an example, which is checked in.";
    WRONG_KIND = "env-wrong-kind": "A value that is not of its variable's kind.";
    DRIFT = "env-drift": "Another value than the model's.";
    TOO_MANY = "env-too-many-findings": "More findings than are worth listing.";
}

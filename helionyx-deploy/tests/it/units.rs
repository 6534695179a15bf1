//! The units that are rendered from models, those that are checked in, and the commands that look at
//! units. The grammar itself is tested in `unit-file/tests`.

mod fields;
mod oracle;
mod program;
mod services;

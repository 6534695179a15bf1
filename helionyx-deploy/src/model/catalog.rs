//! stub
pub struct Catalog;
pub struct SourceFile;

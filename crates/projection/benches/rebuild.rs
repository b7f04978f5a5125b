//! Being measured.

fn main() {}

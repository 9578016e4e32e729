//! The `bellwether` command: arguments -> config -> call.

fn main() {}

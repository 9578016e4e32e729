//! The embedded door: `init`, `builder`, `Guard`.

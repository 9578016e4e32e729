//! `bellwether demo`: a real small service under load, watched by bellwether.
//!
//! ```text
//!  load ──HTTP──► service ──► engine: parse ─► cache_get ─► retrieve ┐
//!   ▲                                                embed ─► vector_search ┴─► rerank ─► cache_put
//!   └── seeded queries                          over an index that is built at start
//! ```
//!
//! Nothing in it sleeps to look busy: documents are tokenized, scored and reranked for real, requests go over loopback,
//! and the fault is more work, not a delay.

pub mod args;
pub mod cache;
pub mod corpus;
pub mod duration;
pub mod embed;
pub mod engine;
pub mod figures;
pub mod index;
pub mod json;
pub mod load;
pub mod output;
pub mod propagation;
pub mod random;
pub mod rerank;
pub mod service;
pub mod session;
pub mod settings;
pub mod table;
mod vocabulary;

/// Target of the service's spans and events. Named, because the crate's own targets are kept out of telemetry.
pub const TARGET: &str = "search";

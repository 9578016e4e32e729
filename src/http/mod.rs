//! Layers of tower for HTTP and gRPC: context in and out, server and client spans by the semantic conventions.

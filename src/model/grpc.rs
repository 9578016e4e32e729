//! Status codes of gRPC (<https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>).

/// By number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The name of a status code; `UNKNOWN` for a number that has none.
pub(crate) fn grpc_code_name(code: u16) -> &'static str {
    CODES.get(usize::from(code)).copied().unwrap_or("UNKNOWN")
}

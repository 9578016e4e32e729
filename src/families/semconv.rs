//! Metrics of OpenTelemetry's semantic conventions, of spans that carry their attributes: a table, a row a metric.
//!
//! A span is counted in a row when it has one of the row's kinds and a value for each of its [`Convention::requires`].
//! Attributes are those that the convention requires, requires under a condition or recommends, as far as the span has
//! them; those that it leaves to be opted into, and everything else, stay out. Buckets are those that it advises.
//!
//! | metric | kinds | counted with | convention |
//! |---|---|---|---|
//! | `http.server.request.duration` | server | `http.request.method` | 1.44.0, stable |
//! | `http.client.request.duration` | client | `http.request.method` | 1.44.0, stable |
//! | `rpc.server.call.duration` | server | `rpc.system.name` | 1.44.0, release candidate |
//! | `rpc.client.call.duration` | client | `rpc.system.name` | 1.44.0, release candidate |
//! | `db.client.operation.duration` | client, internal | `db.system.name` | 1.44.0, stable |
//! | `messaging.client.operation.duration` | producer, client, consumer | `messaging.system`, `messaging.operation.name`; not when the operation's type is `process` | 1.44.0, development |
//! | `messaging.process.duration` | consumer | the same; only when it is `process` | 1.44.0, development |
//! | `messaging.client.sent.messages` | producer, client | the same; only when it is `send`, or of a producer without a type | 1.44.0, development |
//! | `messaging.client.consumed.messages` | consumer, client | the same; only when it is `receive`, or of a consumer without a type | 1.44.0, development |
//! | `gen_ai.client.operation.duration` | client, internal | `gen_ai.operation.name`, `gen_ai.provider.name` | 1.41.0, development |
//! | `gen_ai.client.token.usage` | client, internal | the same, and `gen_ai.usage.input_tokens` or `…output_tokens` | 1.41.0, development |
//!
//! The conventions for generative AI left the common repository after 1.41.0; their rows are of that version.

use opentelemetry::trace::SpanKind::{self, Client, Consumer, Internal, Producer, Server};

use crate::names::{self, Name};

/// Schema of all rows but those of generative AI.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";
/// Schema of the rows of generative AI.
pub const GEN_AI_SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.0";

/// A metric of the conventions.
#[derive(Debug)]
pub struct Convention {
    /// Its name, unit and description.
    pub metric: Name,
    /// The version that the row follows.
    pub schema_url: &'static str,
    /// Kinds of the spans that it counts.
    pub kinds: &'static [SpanKind],
    /// Attributes without which a span is not counted.
    pub requires: &'static [&'static str],
    /// Further attributes, where a span has them. `error.type` goes without saying.
    pub takes: &'static [&'static str],
    /// What the operation must be.
    pub when: When,
    /// What is recorded.
    pub measured: Measured,
    /// The attribute that says what error it was when nothing better does.
    pub status: Option<&'static str>,
}

/// Which operations a row counts, by `messaging.operation.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// All.
    Always,
    /// Those of this type, and those without one of spans of this kind.
    Is(&'static str, Option<SpanKindOf>),
    /// Those of any other type or none.
    IsNot(&'static str),
}

/// A kind of span that says what an operation is when its type does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKindOf {
    /// It sends.
    Producer,
    /// It receives.
    Consumer,
}

impl SpanKindOf {
    fn is(self, kind: &SpanKind) -> bool {
        matches!((self, kind), (Self::Producer, Producer) | (Self::Consumer, Consumer))
    }
}

/// What a row records of a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measured {
    /// The span's duration in seconds, in these buckets.
    Duration(&'static [f64]),
    /// A count in an attribute, one when there is none.
    Count(&'static str),
    /// Numbers in attributes, each under its value of [`names::GEN_AI_TOKEN_TYPE`], in these buckets.
    Tokens(&'static [(&'static str, &'static str)], &'static [f64]),
}

/// The attribute that [`When`] is about.
pub const OPERATION_TYPE: &str = "messaging.operation.type";

/// Seconds of a request, as the conventions for HTTP, RPC and messaging advise.
const REQUEST: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Seconds of a database operation.
const DATABASE: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
/// Seconds of an operation of generative AI.
const GEN_AI: &[f64] = &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Tokens.
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Where a span says how many tokens it took.
const TOKENS_OF: &[(&str, &str)] = &[("gen_ai.usage.input_tokens", "input"), ("gen_ai.usage.output_tokens", "output")];
/// Where a span says how many messages it is about.
const BATCH: &str = "messaging.batch.message_count";

const MESSAGING: &[&str] = &["messaging.operation.name", "messaging.system"];
const SENT: &[&str] = &[
    "messaging.destination.name",
    "messaging.destination.partition.id",
    "messaging.destination.template",
    "server.address",
    "server.port",
];
const CONSUMED: &[&str] = &[
    "messaging.consumer.group.name",
    "messaging.destination.name",
    "messaging.destination.partition.id",
    "messaging.destination.subscription.name",
    "messaging.destination.template",
    "server.address",
    "server.port",
];
const GEN_AI_REQUIRES: &[&str] = &["gen_ai.operation.name", "gen_ai.provider.name"];
const GEN_AI_TAKES: &[&str] = &["gen_ai.request.model", "gen_ai.response.model", "server.address", "server.port"];

/// What most rows share.
const ROW: Convention = Convention {
    metric: names::HTTP_SERVER_DURATION,
    schema_url: SCHEMA_URL,
    kinds: &[],
    requires: &[],
    takes: &[],
    when: When::Always,
    measured: Measured::Duration(REQUEST),
    status: None,
};

/// The table.
pub static CONVENTIONS: [Convention; 11] = [
    Convention {
        metric: names::HTTP_SERVER_DURATION,
        kinds: &[Server],
        requires: &["http.request.method"],
        takes: &[
            names::HTTP_RESPONSE_STATUS_CODE,
            "http.route",
            "network.protocol.name",
            "network.protocol.version",
            "url.scheme",
        ],
        status: Some(names::HTTP_RESPONSE_STATUS_CODE),
        ..ROW
    },
    Convention {
        metric: names::HTTP_CLIENT_DURATION,
        kinds: &[Client],
        requires: &["http.request.method"],
        takes: &[
            names::HTTP_RESPONSE_STATUS_CODE,
            "network.protocol.name",
            "network.protocol.version",
            "server.address",
            "server.port",
        ],
        status: Some(names::HTTP_RESPONSE_STATUS_CODE),
        ..ROW
    },
    Convention {
        metric: names::RPC_SERVER_DURATION,
        kinds: &[Server],
        requires: &["rpc.system.name"],
        takes: &[names::RPC_METHOD, names::RPC_STATUS_CODE],
        status: Some(names::RPC_STATUS_CODE),
        ..ROW
    },
    Convention {
        metric: names::RPC_CLIENT_DURATION,
        kinds: &[Client],
        requires: &["rpc.system.name"],
        takes: &[names::RPC_METHOD, names::RPC_STATUS_CODE, "server.address", "server.port"],
        status: Some(names::RPC_STATUS_CODE),
        ..ROW
    },
    Convention {
        metric: names::DB_CLIENT_DURATION,
        kinds: &[Client, Internal],
        requires: &["db.system.name"],
        takes: &[
            "db.collection.name",
            "db.namespace",
            "db.operation.name",
            "db.query.summary",
            "db.response.status_code",
            "db.stored_procedure.name",
            "network.peer.address",
            "network.peer.port",
            "server.address",
            "server.port",
        ],
        measured: Measured::Duration(DATABASE),
        status: Some("db.response.status_code"),
        ..ROW
    },
    Convention {
        metric: names::MESSAGING_CLIENT_DURATION,
        kinds: &[Producer, Client, Consumer],
        requires: MESSAGING,
        takes: &[
            "messaging.consumer.group.name",
            "messaging.destination.name",
            "messaging.destination.partition.id",
            "messaging.destination.subscription.name",
            "messaging.destination.template",
            OPERATION_TYPE,
            "server.address",
            "server.port",
        ],
        when: When::IsNot("process"),
        ..ROW
    },
    Convention {
        metric: names::MESSAGING_PROCESS_DURATION,
        kinds: &[Consumer],
        requires: MESSAGING,
        takes: CONSUMED,
        when: When::Is("process", None),
        ..ROW
    },
    Convention {
        metric: names::MESSAGING_SENT,
        kinds: &[Producer, Client],
        requires: MESSAGING,
        takes: SENT,
        when: When::Is("send", Some(SpanKindOf::Producer)),
        measured: Measured::Count(BATCH),
        ..ROW
    },
    Convention {
        metric: names::MESSAGING_CONSUMED,
        kinds: &[Consumer, Client],
        requires: MESSAGING,
        takes: CONSUMED,
        when: When::Is("receive", Some(SpanKindOf::Consumer)),
        measured: Measured::Count(BATCH),
        ..ROW
    },
    Convention {
        metric: names::GEN_AI_DURATION,
        schema_url: GEN_AI_SCHEMA_URL,
        kinds: &[Client, Internal],
        requires: GEN_AI_REQUIRES,
        takes: GEN_AI_TAKES,
        measured: Measured::Duration(GEN_AI),
        ..ROW
    },
    Convention {
        metric: names::GEN_AI_TOKENS,
        schema_url: GEN_AI_SCHEMA_URL,
        kinds: &[Client, Internal],
        requires: GEN_AI_REQUIRES,
        takes: GEN_AI_TAKES,
        measured: Measured::Tokens(TOKENS_OF, TOKENS),
        ..ROW
    },
];

impl Convention {
    /// The attributes of its points, but `error.type` and the token's type.
    pub fn points(&self) -> impl Iterator<Item = &'static str> {
        self.requires.iter().chain(self.takes).copied()
    }

    /// Whether a failed operation says so in `error.type`: all rows but that of tokens.
    pub fn has_error(&self) -> bool {
        !matches!(self.measured, Measured::Tokens(..))
    }

    /// The attributes that hold what it records; none for a duration.
    pub fn values(&self) -> impl Iterator<Item = &'static str> {
        let (count, tokens) = match self.measured {
            Measured::Duration(_) => (None, [].as_slice()),
            Measured::Count(count) => (Some(count), [].as_slice()),
            Measured::Tokens(tokens, _) => (None, tokens),
        };
        count.into_iter().chain(tokens.iter().map(|(field, _)| *field))
    }

    /// Whether there is nothing to record without one of [`Convention::values`].
    pub fn needs_value(&self) -> bool {
        matches!(self.measured, Measured::Tokens(..))
    }

    /// Whether a span may be counted whose kind nobody gave.
    pub fn counts_internal(&self) -> bool {
        self.kinds.contains(&Internal)
    }

    /// Whether it counts an operation of this type.
    pub fn counts(&self, operation: Option<&str>, kind: &SpanKind) -> bool {
        match (self.when, operation) {
            (When::Always, _) => true,
            (When::Is(wanted, _), Some(operation)) => wanted == operation,
            (When::Is(_, of), None) => of.is_some_and(|of| of.is(kind)),
            (When::IsNot(other), operation) => operation != Some(other),
        }
    }

    /// Whether a value of [`Convention::status`] tells of an error. That of a response that was cut short need not.
    pub fn is_error(&self, code: &str) -> bool {
        match self.status {
            Some(names::HTTP_RESPONSE_STATUS_CODE) => code.parse().is_ok_and(|code: u16| code >= 400),
            Some(names::RPC_STATUS_CODE) => !matches!(code, "OK" | "0"),
            _ => true,
        }
    }

    /// The bounds of its buckets; none of a counter.
    pub fn boundaries(&self) -> Option<&'static [f64]> {
        match self.measured {
            Measured::Duration(bounds) | Measured::Tokens(_, bounds) => Some(bounds),
            Measured::Count(_) => None,
        }
    }
}

/// Every attribute that the table reads, some more than once.
pub(super) fn attributes() -> impl Iterator<Item = &'static str> {
    let when = [OPERATION_TYPE, names::ERROR_TYPE];
    CONVENTIONS.iter().flat_map(|row| row.points().chain(row.values()).chain(row.status)).chain(when)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_a_name_of_its_own_ascending_buckets_and_no_attribute_twice() {
        for (at, row) in CONVENTIONS.iter().enumerate() {
            let name = row.metric.name;
            assert!(CONVENTIONS[..at].iter().all(|other| other.metric.name != name), "{name}");
            assert!(!row.kinds.is_empty() && !row.requires.is_empty(), "{name}");
            let bounds = row.boundaries().unwrap_or_default();
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{name}");
            let mut attributes: Vec<_> = row.points().collect();
            attributes.sort_unstable();
            attributes.dedup();
            assert_eq!(attributes.len(), row.points().count(), "{name}");
            let unit = match row.measured {
                Measured::Duration(_) => "s",
                Measured::Count(_) => "{message}",
                Measured::Tokens(..) => "{token}",
            };
            assert_eq!(row.metric.unit, unit, "{name}");
        }
    }

    #[test]
    fn the_type_of_an_operation_decides_and_the_kind_where_there_is_none() {
        let row = |name: &str| CONVENTIONS.iter().find(|row| row.metric.name == name).unwrap();
        let cases = [
            (names::MESSAGING_CLIENT_DURATION, Some("process"), Consumer, false),
            (names::MESSAGING_CLIENT_DURATION, Some("receive"), Consumer, true),
            (names::MESSAGING_CLIENT_DURATION, None, Producer, true),
            (names::MESSAGING_PROCESS_DURATION, Some("process"), Consumer, true),
            (names::MESSAGING_PROCESS_DURATION, None, Consumer, false),
            (names::MESSAGING_SENT, Some("send"), Client, true),
            (names::MESSAGING_SENT, None, Producer, true),
            (names::MESSAGING_SENT, None, Client, false),
            (names::MESSAGING_SENT, Some("create"), Producer, false),
            (names::MESSAGING_CONSUMED, Some("receive"), Client, true),
            (names::MESSAGING_CONSUMED, None, Consumer, true),
            (names::MESSAGING_CONSUMED, Some("process"), Consumer, false),
        ];
        for (name, operation, kind, expected) in cases {
            assert_eq!(row(name.name).counts(operation, &kind), expected, "{} {operation:?} {kind:?}", name.name);
        }
    }
}

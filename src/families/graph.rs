//! Who calls whom: the edges of a service graph, one span at a time.
//!
//! Follows `modules/generator/processor/servicegraphs` of <https://github.com/grafana/tempo> and the Collector's
//! service-graph connector. They see the spans of all services and join a client's span with the server's; a process sees
//! its own:
//!
//! | span | edge |
//! |---|---|
//! | client or producer with a database's name or system | the service → the database, `connection_type="database"`; both durations are the span's |
//! | client with a server span of this process as its child | the service → itself, with both durations |
//! | producer with a consumer span of this process as its child | the same, `connection_type="messaging_system"` |
//! | any other client or producer that names its peer | the service → the peer, `connection_type="virtual_node"`; the server's duration is 0, as there |
//! | server or consumer that begins its trace | `user`, or its `peer.service`, → the service, `connection_type="virtual_node"`; the client's duration is 0, as there |
//! | server or consumer of a caller in another process | none: the caller's process has it |
//!
//! A database is called by `peer.service`, else `server.address`, else `network.peer.address` with its port, else
//! `db.namespace`, else `db.system.name`, which is Tempo's order. Any other peer is called by `peer.service`, else
//! `server.address`. There we differ: Tempo waits for the peer's own span and so needs no address, and a process that knew
//! only `peer.service` would show hardly any edge.

use opentelemetry::trace::SpanKind;

/// Attribute: who calls.
pub const CLIENT: &str = "client";
/// Attribute: who is called.
pub const SERVER: &str = "server";
/// Attribute: what lies between, a [`Connection`].
pub const CONNECTION_TYPE: &str = "connection_type";

/// What a caller is called of which nothing is known.
pub const USER: &str = "user";

/// Upper bounds of the buckets in seconds, Tempo's.
pub const BOUNDARIES: [f64; 8] = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8];

const PEER_SERVICE: &str = "peer.service";
const SERVER_ADDRESS: &str = "server.address";
const PEER_ADDRESS: &str = "network.peer.address";
const PEER_PORT: &str = "network.peer.port";
/// Attributes that say that a peer is a database, the more telling first.
const DATABASE: [&str; 2] = ["db.namespace", "db.system.name"];

/// Attributes that name a peer.
pub const ATTRIBUTES: [&str; 6] = [PEER_SERVICE, SERVER_ADDRESS, PEER_ADDRESS, PEER_PORT, DATABASE[0], DATABASE[1]];

/// What is known of a span besides its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A client or producer, and a server or consumer of this process was its child.
    Served,
    /// A client or producer of which no such child is known.
    Caller,
    /// A server or consumer without any parent.
    Root,
    /// A server or consumer with a parent, or a span that is neither.
    Part,
}

/// What lies between two nodes, and which of the durations are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// A request within the process.
    Request,
    /// A message within the process.
    Message,
    /// A call of a database.
    Database,
    /// A call of something that nobody measures.
    Peer,
    /// A call by somebody whom nobody measures.
    Caller,
}

/// One call, from one node to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Who calls.
    pub client: String,
    /// Who is called.
    pub server: String,
    /// How.
    pub connection: Connection,
}

impl Connection {
    /// The value of [`CONNECTION_TYPE`]; empty for a request, as there.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "",
            Self::Message => "messaging_system",
            Self::Database => "database",
            Self::Peer | Self::Caller => "virtual_node",
        }
    }

    /// The durations of the server and of the client, when the span took `own` and the span that served it `served`.
    pub fn durations(self, own: u64, served: u64) -> (u64, u64) {
        match self {
            Self::Request | Self::Message => (served, own),
            Self::Database => (own, own),
            Self::Peer => (0, own),
            Self::Caller => (own, 0),
        }
    }
}

impl Edge {
    /// The edge that a span of `service` shows; `None` when it shows none. `value` gives the span's attributes.
    pub fn of(service: &str, kind: &SpanKind, role: Role, value: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let value = |key: &str| value(key).filter(|value| !value.is_empty());
        let calls = |server: String, connection| Self { client: service.to_owned(), server, connection };
        match role {
            Role::Part => None,
            Role::Root => {
                let client = value(PEER_SERVICE).unwrap_or_else(|| USER.to_owned());
                Some(Self { client, server: service.to_owned(), connection: Connection::Caller })
            }
            Role::Served | Role::Caller => {
                if let Some(database) = DATABASE.into_iter().find_map(&value) {
                    return Some(calls(database_node(value).unwrap_or(database), Connection::Database));
                }
                if role == Role::Caller {
                    let peer = value(PEER_SERVICE).or_else(|| value(SERVER_ADDRESS))?;
                    return Some(calls(peer, Connection::Peer));
                }
                let message = *kind == SpanKind::Producer;
                let connection = if message { Connection::Message } else { Connection::Request };
                Some(calls(service.to_owned(), connection))
            }
        }
    }
}

/// What a database is called besides its own name.
fn database_node(value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let address = || {
        let address = value(PEER_ADDRESS)?;
        Some(value(PEER_PORT).map_or_else(|| address.clone(), |port| format!("{address}:{port}")))
    };
    value(PEER_SERVICE).or_else(|| value(SERVER_ADDRESS)).or_else(address)
}

/// What a span of this kind is in the graph, as far as it is known from the span alone.
pub fn role(kind: &SpanKind, is_served: bool, has_parent: bool) -> Role {
    match kind {
        SpanKind::Client | SpanKind::Producer if is_served => Role::Served,
        SpanKind::Client | SpanKind::Producer => Role::Caller,
        SpanKind::Server | SpanKind::Consumer if !has_parent => Role::Root,
        _ => Role::Part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shown = Option<(&'static str, &'static str, &'static str)>;

    #[test]
    fn nodes_are_named_in_tempos_order() {
        let client = SpanKind::Client;
        let all = [
            ("peer.service", "orders"),
            ("server.address", "db.local"),
            ("network.peer.address", "10.0.0.1"),
            ("network.peer.port", "5432"),
            ("db.namespace", "shop"),
            ("db.system.name", "postgresql"),
        ];
        let cases: [(&SpanKind, Role, &[usize], Shown); 13] = [
            (&client, Role::Caller, &[0, 1, 2, 3, 4, 5], Some(("svc", "orders", "database"))),
            (&client, Role::Caller, &[1, 2, 3, 4], Some(("svc", "db.local", "database"))),
            (&client, Role::Caller, &[2, 3, 4], Some(("svc", "10.0.0.1:5432", "database"))),
            (&client, Role::Served, &[2, 5], Some(("svc", "10.0.0.1", "database"))),
            (&client, Role::Caller, &[4, 5], Some(("svc", "shop", "database"))),
            (&client, Role::Caller, &[5], Some(("svc", "postgresql", "database"))),
            (&client, Role::Caller, &[0, 1], Some(("svc", "orders", "virtual_node"))),
            (&client, Role::Caller, &[1, 2], Some(("svc", "db.local", "virtual_node"))),
            (&client, Role::Caller, &[2, 3], None),
            (&client, Role::Served, &[0], Some(("svc", "svc", ""))),
            (&SpanKind::Producer, Role::Served, &[], Some(("svc", "svc", "messaging_system"))),
            (&SpanKind::Server, Role::Root, &[1, 4], Some(("user", "svc", "virtual_node"))),
            (&SpanKind::Server, Role::Root, &[0], Some(("orders", "svc", "virtual_node"))),
        ];
        for (kind, role, has, expected) in cases {
            let value = |key: &str| has.iter().map(|at| all[*at]).find(|(name, _)| *name == key).map(|it| it.1.into());
            let edge = Edge::of("svc", kind, role, value);
            let found = edge.as_ref().map(|it| (it.client.as_str(), it.server.as_str(), it.connection.name()));
            assert_eq!(found, expected, "{kind:?} {role:?} {has:?}");
        }
        assert_eq!(Edge::of("svc", &SpanKind::Server, Role::Part, |_| Some("x".into())), None);
        assert_eq!(Edge::of("svc", &client, Role::Caller, |_| Some(String::new())), None, "empty is absent");
    }

    #[test]
    fn a_role_follows_from_kind_parent_and_child() {
        use SpanKind::{Client, Consumer, Internal, Producer, Server};
        for (kind, served, parent, expected) in [
            (Client, true, true, Role::Served),
            (Producer, false, false, Role::Caller),
            (Server, false, false, Role::Root),
            (Consumer, false, true, Role::Part),
            (Internal, true, false, Role::Part),
        ] {
            assert_eq!(role(&kind, served, parent), expected, "{kind:?}");
        }
    }
}

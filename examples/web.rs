//! A service that answers Prometheus' HTTP API: for Grafana, for a scrape, and for itself.
//!
//! ```text
//! cargo run --features web --example web
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bellwether::Alerts;
use bellwether::rules::code::{Rule, minutes, ms};
use tracing::instrument;

#[instrument]
fn search(query: &str) -> usize {
    query.len()
}

/// What a path answers.
fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn main() -> Result<(), Box<dyn Error>> {
    let slow = Rule::p95("search").above(ms(200)).for_(minutes(5));
    let telemetry = bellwether::builder()
        .service("search")
        .alerts(Alerts::new().rule(slow))
        // Any free port; a service says ":9464" and tells Grafana http://localhost:9464.
        .web("127.0.0.1:0")
        .init()?;
    search("books");

    let address = telemetry.web_address().ok_or("no port")?;
    println!("{}", get(address, "/metrics")?);
    println!("{}", get(address, "/api/v1/rules?type=alert&rule_name[]=search_p95_above_200")?);
    Ok(())
}

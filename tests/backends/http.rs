//! Just enough HTTP to ask a server of this machine something: one request a connection, HTTP/1.0, so that the end of
//! the body is the end of the connection.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time;

use crate::Result;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// What `http://127.0.0.1:{port}{path}` answers.
pub(crate) async fn get(port: u16, path: &str) -> Result<Response> {
    get_with(port, path, "").await
}

/// The same with further headers, each with its end of line.
pub(crate) async fn get_with(port: u16, path: &str, headers: &str) -> Result<Response> {
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no end of its head")?;
        let status = head.split(' ').nth(1).ok_or("the answer has no status")?.parse()?;
        Ok(Response { status, body: body.to_owned() })
    };
    time::timeout(PATIENCE, exchange).await.map_err(|_| format!("no answer to {path} within {PATIENCE:?}"))?
}

//! An application that is not ours, with two lines added: what it did is counted, traced and logged.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::Result;
use crate::collector::Collector;
use crate::program::{free_ports, run};

/// A build from nothing, on two cores that do other things as well.
const BUILD: Duration = Duration::from_secs(900);
const LIMIT: Duration = Duration::from_secs(20);

/// Builds the application beside the target folder of this test.
async fn built() -> Result<PathBuf> {
    let target = PathBuf::from(env!("CARGO_BIN_EXE_bellwether")).with_file_name("another");
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/another/Cargo.toml")])
        .arg("--target-dir")
        .arg(&target);
    let ended = run(&mut build, BUILD).await?;
    if ended.status.success() { Ok(target.join("debug/another")) } else { Err(ended.stderr.into()) }
}

/// Sends a command in Redis' protocol, and reads its answer's first line.
async fn ask(stream: &mut TcpStream, words: &[&str]) -> Result<String> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        write!(request, "${}\r\n{word}\r\n", word.len())?;
    }
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 64];
    let length = timeout(LIMIT, stream.read(&mut answer)).await??;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

async fn connected(port: u16) -> Result<TcpStream> {
    timeout(LIMIT, async {
        loop {
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                return stream;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .map_err(|_| "the application does not listen".into())
}

#[tokio::test]
async fn two_lines_show_every_operation_of_mini_redis() -> Result<()> {
    let program = built().await?;
    let collector = Collector::start().await?;
    let [port] = free_ports()?;
    let child = Command::new(program)
        .arg(format!("127.0.0.1:{port}"))
        .env_clear()
        .env("OTEL_SERVICE_NAME", "mini-redis")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", collector.http_port))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;

    let mut stream = connected(port).await?;
    for number in 0..30 {
        assert_eq!(ask(&mut stream, &["SET", &format!("key{number}"), "value"]).await?, "+OK\r\n");
    }
    for number in 0..40 {
        let answer = ask(&mut stream, &["GET", &format!("key{number}")]).await?;
        assert_eq!(answer, if number < 30 { "$5\r\nvalue\r\n" } else { "$-1\r\n" });
    }
    drop(stream);
    // Ctrl-C is how it is asked to end; then `main` returns, and what is still held is sent.
    let id = child.id().ok_or("the application has ended")?.to_string();
    Command::new("kill").args(["-INT", &id]).status().await?;
    let ended = timeout(LIMIT, child.wait_with_output()).await??;
    assert!(ended.status.success(), "{}", ended.status);

    let received = collector.received().await?;
    let calls = received.totals("traces.span.metrics.calls", "span.name");
    assert_eq!(calls["apply"], 70, "a call for each command: {calls:?}");
    assert_eq!(received.spans_by_name(), calls, "a span for each call");
    assert_eq!(received.orphans().len(), 0);
    Ok(())
}

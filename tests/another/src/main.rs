//! The server of mini-redis, tokio's example of an application. It says what it does by `#[instrument]`, as many do.

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> mini_redis::Result<()> {
    let _telemetry = bellwether::init()?;

    let address = std::env::args().nth(1).ok_or("usage: another ADDRESS")?;
    let listener = TcpListener::bind(&address).await?;
    mini_redis::server::run(listener, tokio::signal::ctrl_c()).await
}

//! Prometheus with the same samples.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::Result;
use crate::compare::Found;
use crate::data::{self, Series};

/// Looks at whether it is ready, and the time between two of them.
const LOOKS: usize = 300;
const LOOK: Duration = Duration::from_millis(100);

/// A running Prometheus; killed when dropped.
pub(crate) struct Peer {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Peer {
    pub(crate) fn start(series: &[Series]) -> Result<Self> {
        let [prometheus, promtool] = [installed("prometheus")?, installed("promtool")?];
        let folder = tempfile::tempdir()?;
        let (input, blocks, config) =
            (folder.path().join("input"), folder.path().join("blocks"), folder.path().join("prometheus.yml"));
        fs::write(&input, data::open_metrics(series))?;
        fs::write(&config, "")?;
        let written = Command::new(promtool)
            .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=24h"])
            .args([&input, &blocks])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if !written.success() {
            return Err("promtool could not write blocks".into());
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = Command::new(prometheus)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", blocks.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--storage.tsdb.retention.time=100y", "--log.level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let peer = Self { child, port, _folder: folder };
        peer.wait()?;
        Ok(peer)
    }

    fn wait(&self) -> Result<()> {
        for _ in 0..LOOKS {
            if self.get("/-/ready").is_ok_and(|answer| answer.starts_with("HTTP/1.0 200")) {
                return Ok(());
            }
            #[expect(clippy::disallowed_methods, reason = "a benchmark waits for another program")]
            std::thread::sleep(LOOK);
        }
        Err("Prometheus does not become ready".into())
    }

    /// How long its engine says that it needed, and what it found.
    pub(crate) fn ask(&mut self, query: &str) -> Result<(Duration, Found)> {
        let query = query.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let answer = self.get(&format!("/api/v1/query?query={query}&time={}&stats=all", data::end() / 1_000))?;
        let body = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?.1;
        let answer: serde_json::Value = serde_json::from_str(body)?;
        let seconds = answer["data"]["stats"]["timings"]["execTotalTime"].as_f64().ok_or("no timings")?;
        let mut found = Found::new();
        for series in answer["data"]["result"].as_array().ok_or("no result")? {
            let labels = serde_json::from_value(series["metric"].clone())?;
            found.insert(labels, series["value"][1].as_str().ok_or("no value")?.parse()?);
        }
        Ok((Duration::from_secs_f64(seconds), found))
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.child.kill().and_then(|()| self.child.wait()).is_err() {
            eprintln!("rules: Prometheus could not be ended");
        }
    }
}

/// Where `tests/backends/install.sh` puts programs.
fn installed(name: &str) -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let folder = set("BELLWETHER_BACKENDS").or_else(|| Some(cache?.join("bellwether-backends")));
    let path = folder.ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("bin").join(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing", path.display()).into()) }
}

//! A server or a tool as a child process.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time;

use crate::{Result, http};

/// Longest wait for a server to answer on its health endpoint, and for one to end when it was asked to.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Where `install.sh` puts the servers.
fn folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("BELLWETHER_BACKENDS") {
        return Ok(folder.join("bin"));
    }
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    Ok(cache.ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("bellwether-backends/bin"))
}

/// The program of a name; an error with the cure when it is not there.
pub(crate) fn installed(name: &str) -> Result<PathBuf> {
    let path = folder()?.join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{} is missing; run tests/backends/install.sh, which builds it", path.display()).into())
}

/// Ports of this machine that nobody listens on now, all different.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a server whose output goes to a file in `folder`.
    pub(crate) fn start<I, S>(
        name: &'static str,
        arguments: I,
        variables: &[(&str, String)],
        folder: &Path,
    ) -> Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let log = folder.join(format!("{name}.log"));
        let output = std::fs::File::create(&log)?;
        let child = Command::new(installed(name)?)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { name, child, log })
    }

    /// Waits until the server answers `path` with 200.
    pub(crate) async fn ready(&mut self, port: u16, path: &str) -> Result<()> {
        let wait = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    return Err(self.complaint(&format!("ended with {status}")));
                }
                if http::get(port, path).await.is_ok_and(|response| response.status == 200) {
                    return Ok(());
                }
                time::sleep(LOOK).await;
            }
        };
        let ready = time::timeout(PATIENCE, wait).await;
        ready.unwrap_or_else(|_| Err(self.complaint("did not become ready")))
    }

    /// Waits until somebody takes connections on the port: for servers that have no health endpoint.
    pub(crate) async fn listening(&mut self, port: u16) -> Result<()> {
        let wait = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    return Err(self.complaint(&format!("ended with {status}")));
                }
                if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
                    return Ok(());
                }
                time::sleep(LOOK).await;
            }
        };
        let listening = time::timeout(PATIENCE, wait).await;
        listening.unwrap_or_else(|_| Err(self.complaint("does not listen")))
    }

    /// Ends the server as a crash does, and waits until it is gone.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks the server to end, and waits until it has: what it held is written then.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let id = self.child.id().ok_or_else(|| self.complaint("had ended before"))?;
        let asked = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?;
        if !asked.success() {
            return Err(self.complaint("could not be asked to end"));
        }
        match time::timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => Err(self.complaint("failed at its end")),
            Err(_) => Err(self.complaint("did not end")),
        }
    }

    fn complaint(&self, what: &str) -> crate::Error {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        format!("{} {what}; its last lines:\n{}", self.name, tail.join("\n")).into()
    }
}

/// What a program that ran to its end left.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end, at most `limit`.
pub(crate) async fn run(command: &mut Command, limit: Duration) -> Result<Ended> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = time::timeout(limit, output).await.map_err(|_| format!("did not end within {limit:?}"))??;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) })
}

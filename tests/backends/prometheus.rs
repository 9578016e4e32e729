//! Prometheus with its OTLP receiver, asked through its HTTP API.

use std::fmt::Write as _;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Server, free_ports};
use crate::{Result, http};

pub(crate) struct Prometheus {
    pub(crate) port: u16,
    _server: Server,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one with a configuration file and feature flags.
    pub(crate) async fn start(config: &str, features: &str) -> Result<Self> {
        Self::start_with_rules(config, features, &[]).await
    }

    /// The same, with rule files (name and text) in the folder `rules` beside the configuration.
    pub(crate) async fn start_with_rules(config: &str, features: &str, rules: &[(&str, &str)]) -> Result<Self> {
        let features = format!("--enable-feature={features}");
        Self::start_program("prometheus", &[&features, "--web.enable-otlp-receiver"], config, rules).await
    }

    /// Starts a program that is a Prometheus, with these flags.
    pub(crate) async fn start_program(
        program: &'static str,
        flags: &[&str],
        config: &str,
        rules: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("rules"))?;
        for (name, text) in rules {
            std::fs::write(folder.path().join("rules").join(name), text)?;
        }
        let [port] = free_ports()?;
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config)?;
        let mut arguments = vec![
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let mut server = Server::start(program, arguments, &[], folder.path())?;
        server.ready(port, "/-/ready").await?;
        Ok(Self { port, _server: server, _folder: folder })
    }

    /// The `data` of an answer of its API.
    pub(crate) async fn get(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let mut path = format!("/api/v1/{endpoint}?");
        for (name, value) in parameters {
            write!(path, "{name}={}&", escaped(value))?;
        }
        let response = http::get(self.port, &path).await?;
        let mut answer: Value = serde_json::from_str(&response.body)?;
        if response.status == 200 { Ok(answer["data"].take()) } else { Err(answer.to_string().into()) }
    }
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

//! Alertmanager, an old one and a new one: what its own API holds, and what its own webhook tells.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::hook::Hook;
use crate::program::{Server, free_ports};
use crate::told::Told;
use crate::{Result, http};

const VERSIONS: [&str; 2] = ["alertmanager-0.25", "alertmanager"];
/// How long an alert holds that is not heard of again; Prometheus takes four times the time until it sends it again.
const VALID: Duration = Duration::from_secs(3);
/// Until an alert that fires is sent again.
const RESEND: Duration = Duration::from_secs(1);
/// Longer than an alert holds and than any resend.
const OUTAGE: Duration = Duration::from_secs(6);

pub(crate) struct Alertmanager {
    program: &'static str,
    pub(crate) port: u16,
    folder: TempDir,
    server: Option<Server>,
}

impl Alertmanager {
    /// One that tells each alert by itself, and news of it a second later.
    async fn start(program: &'static str, hook: &Hook) -> Result<Self> {
        let config = format!(
            "
route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]
",
            hook.url
        );
        Self::with(program, &config).await
    }

    /// One with this configuration.
    pub(crate) async fn with(program: &'static str, config: &str) -> Result<Self> {
        let [port] = free_ports()?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("alertmanager.yml"), config)?;
        let mut this = Self { program, port, folder, server: None };
        this.up().await?;
        Ok(this)
    }

    async fn up(&mut self) -> Result<()> {
        let path = self.folder.path();
        let arguments = [
            format!("--config.file={}", path.join("alertmanager.yml").display()),
            format!("--storage.path={}", path.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{}", self.port),
            "--cluster.listen-address=".to_owned(),
        ];
        let mut server = Server::start(self.program, arguments, &[], path)?;
        server.ready(self.port, "/-/ready").await?;
        self.server = Some(server);
        Ok(())
    }

    /// What it wrote about itself.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{}.log", self.program))).unwrap_or_default()
    }

    /// Alerts that fire, as its API has them.
    async fn alerts(&self) -> Result<Vec<Value>> {
        let answer = http::get(self.port, "/api/v2/alerts?active=true").await?;
        let mut alerts: Vec<Value> = serde_json::from_str(&answer.body)?;
        alerts.sort_by_key(|alert| alert["labels"]["alertname"].to_string());
        Ok(alerts)
    }

    async fn names(&self) -> Result<Vec<String>> {
        let name = |alert: &Value| alert["labels"]["alertname"].as_str().unwrap_or_default().to_owned();
        Ok(self.alerts().await?.iter().map(name).collect())
    }
}

fn sorted(hook: &Hook) -> Vec<(String, String)> {
    let mut told = hook.told();
    told.sort();
    told
}

fn expected(told: &[(&str, &str)]) -> Vec<(String, String)> {
    told.iter().map(|(status, name)| ((*status).to_owned(), (*name).to_owned())).collect()
}

async fn hears(told: &mut Told, hook: &Hook, expects: &[(&str, &str)]) -> Result<()> {
    let expects = expected(expects);
    let heard = async || Ok((sorted(hook) == expects).then_some(()));
    let result = told.until("what the webhook should hear", heard).await;
    result.map_err(|error| format!("{error}; expected {expects:?}, heard {:?}", hook.told()).into())
}

#[tokio::test]
async fn an_alert_begins_lasts_beyond_its_first_end_and_ends_once_in_an_old_and_a_new_alertmanager() -> Result<()> {
    for program in VERSIONS {
        let hook = Hook::start().await?;
        let alertmanager = Alertmanager::start(program, &hook).await?;
        let mut told = Told::through(alertmanager.port)?;
        let (a, b) = (told.alert(&[("alertname", "A"), ("op", "ü")], VALID), told.alert(&[("alertname", "B")], VALID));
        told.notifier.take(&[a.clone(), b.clone()]);
        hears(&mut told, &hook, &[("firing", "A"), ("firing", "B")]).await?;
        let first = alertmanager.alerts().await?;
        assert_eq!(first[0]["labels"], serde_json::json!({"alertname": "A", "op": "ü"}), "{program}");
        assert_eq!(first[0]["annotations"]["summary"], "p95 of <search> is high", "{program}");
        assert_eq!(first[0]["generatorURL"], a.generator_url, "{program}");
        assert_eq!(first[0]["status"]["state"], "active", "{program}");

        for _ in 0..(2 * VALID.as_secs() / RESEND.as_secs()) {
            told.during(RESEND).await;
            told.notifier.take(&[told.again(&a, VALID), told.again(&b, VALID)]);
        }
        told.during(RESEND).await;
        let later = alertmanager.alerts().await?;
        assert_eq!(later.len(), 2, "{program}");
        assert_eq!(first[0]["startsAt"], later[0]["startsAt"], "{program}");
        assert!(first[0]["endsAt"].as_str() < later[0]["endsAt"].as_str(), "{program}: {later:?}");

        told.notifier.take(&[told.ended(&a)]);
        // B is not heard of any more, and ends by itself.
        let all = [("firing", "A"), ("firing", "B"), ("resolved", "A"), ("resolved", "B")];
        hears(&mut told, &hook, &all).await?;
        assert_eq!(alertmanager.names().await?, Vec::<String>::new(), "{program}");
        told.during(2 * RESEND).await;
        assert_eq!((hook.told().len(), told.failed()), (4, 0), "{program}: nothing twice");
    }
    Ok(())
}

#[tokio::test]
async fn an_outage_of_alertmanager_loses_nothing_and_tells_nothing_twice() -> Result<()> {
    for program in VERSIONS {
        let hook = Hook::start().await?;
        let mut alertmanager = Alertmanager::start(program, &hook).await?;
        let mut told = Told::through(alertmanager.port)?;
        let (lasts, ends) = (told.alert(&[("alertname", "Lasts")], VALID), told.alert(&[("alertname", "Ends")], VALID));
        told.notifier.take(&[lasts.clone(), ends.clone()]);
        hears(&mut told, &hook, &[("firing", "Ends"), ("firing", "Lasts")]).await?;

        // Asked to end, it remembers what it told.
        let server = alertmanager.server.take().ok_or("it runs")?;
        server.stop().await?;
        told.notifier.take(&[told.ended(&ends)]);
        let begins = told.alert(&[("alertname", "Begins")], VALID);
        let mut lasting = [lasts.clone(), begins.clone()];
        for _ in 0..OUTAGE.as_secs() / RESEND.as_secs() {
            lasting = lasting.map(|alert| told.again(&alert, VALID));
            told.notifier.take(&lasting);
            told.during(RESEND).await;
        }
        alertmanager.up().await?;
        let all = [("firing", "Begins"), ("firing", "Ends"), ("firing", "Lasts"), ("resolved", "Ends")];
        let expects = expected(&all);
        let mut heard = Vec::new();
        for _ in 0..60 {
            lasting = lasting.map(|alert| told.again(&alert, VALID));
            told.notifier.take(&lasting);
            told.during(RESEND).await;
            heard = sorted(&hook);
            if heard == expects {
                break;
            }
        }
        assert_eq!(heard, expects, "{program}: nothing lost");
        for _ in 0..4 {
            lasting = lasting.map(|alert| told.again(&alert, VALID));
            told.notifier.take(&lasting);
            told.during(RESEND).await;
        }
        assert_eq!(sorted(&hook), expects, "{program}: nothing twice");
        assert_eq!(alertmanager.names().await?, ["Begins", "Lasts"], "{program}");
        assert_eq!(told.failed(), 0, "{program}");
    }
    Ok(())
}

#[tokio::test]
async fn an_alertmanager_that_crashed_and_knows_nothing_any_more_is_told_everything_that_holds() -> Result<()> {
    for program in VERSIONS {
        let hook = Hook::start().await?;
        let mut alertmanager = Alertmanager::start(program, &hook).await?;
        let mut told = Told::through(alertmanager.port)?;
        let lasts = told.alert(&[("alertname", "Lasts")], VALID);
        told.notifier.take(std::slice::from_ref(&lasts));
        hears(&mut told, &hook, &[("firing", "Lasts")]).await?;
        alertmanager.server.take().ok_or("it runs")?.kill().await?;
        for _ in 0..OUTAGE.as_secs() / RESEND.as_secs() {
            told.notifier.take(&[told.again(&lasts, 10 * VALID)]);
            told.during(RESEND).await;
        }
        alertmanager.up().await?;
        // It forgot what it had told, and says it again; that is its own doing.
        hears(&mut told, &hook, &[("firing", "Lasts"), ("firing", "Lasts")]).await?;
        assert_eq!(alertmanager.names().await?, ["Lasts"], "{program}");
        assert_eq!(told.failed(), 0, "{program}");
    }
    Ok(())
}

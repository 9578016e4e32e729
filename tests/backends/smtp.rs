//! Mail in a real server, read by a parser that is not ours.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellwether::clock::Clock;
use bellwether::model::Labels;
use bellwether::notifier::routing::{Email, Login, Secret};
use bellwether::notifier::{Channel as _, EmailChannel, Notification, Reason, Trouble};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Result;
use crate::certificates::Authority;
use crate::program::{Server, free_ports};
use crate::told::Told;

const USER: &str = "alerts";
const PASSWORD: &str = "corr3ct h0rse";

/// How the server wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    StartTls,
    Implicit,
    Plain,
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    authority: Authority,
    folder: TempDir,
    server: Option<Server>,
}

impl MailServer {
    pub(crate) async fn start(mode: Mode, user: &str) -> Result<Self> {
        let mut server = Self::down()?;
        server.up(mode, user).await?;
        Ok(server)
    }

    /// One that nobody can reach yet.
    fn down() -> Result<Self> {
        let [port] = free_ports()?;
        Ok(Self { port, authority: Authority::new()?, folder: tempfile::tempdir()?, server: None })
    }

    async fn up(&mut self, mode: Mode, user: &str) -> Result<()> {
        let (certificate, key) = self.authority.sign("localhost")?;
        let mode = match mode {
            Mode::StartTls => "starttls",
            Mode::Implicit => "implicit",
            Mode::Plain => "plain",
        };
        let arguments = [
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/backends/smtp_server.py").to_owned(),
            self.port.to_string(),
            mode.to_owned(),
            certificate.display().to_string(),
            key.display().to_string(),
            user.to_owned(),
            PASSWORD.to_owned(),
            self.messages().display().to_string(),
        ];
        let mut server = Server::start("python-aiosmtpd", arguments, &[], self.folder.path())?;
        server.listening(self.port).await?;
        self.server = Some(server);
        Ok(())
    }

    fn messages(&self) -> PathBuf {
        self.folder.path().join("messages.jsonl")
    }

    /// What it took.
    pub(crate) fn taken(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.messages()).unwrap_or_default();
        // The last line may be half written.
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    async fn takes(&self, told: &mut Told, count: usize) -> Result<Vec<Value>> {
        let enough = async || Ok(Some(self.taken()?).filter(|taken| taken.len() >= count));
        told.until(&format!("{count} mails"), enough).await
    }

    /// A routing file whose only receiver is this server; `more` goes to its `email_configs`.
    fn routing(&self, more: &str) -> String {
        format!(
            "
global: {{smtp_smarthost: 'localhost:{}', smtp_from: 'Alerts <alerts@example.org>', smtp_tls_config: {{ca_file: '{}'}}}}
route: {{receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: team
    email_configs:
      - {{to: 'Team <team@example.org>, on-call@example.org', send_resolved: true, {more}}}
",
            self.port,
            self.authority.file().display(),
        )
    }
}

pub(crate) fn header<'m>(mail: &'m Value, name: &str) -> &'m str {
    let headers = mail["headers"].as_array().map_or(&[][..], Vec::as_slice);
    headers.iter().find(|header| header[0] == name).and_then(|header| header[1].as_str()).unwrap_or_default()
}

#[tokio::test]
async fn the_begin_and_the_end_of_an_alert_arrive_over_starttls_with_a_login() -> Result<()> {
    let server = MailServer::start(Mode::StartTls, USER).await?;
    let password = server.folder.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n"))?;
    let more = format!(
        "auth_username: {USER}, auth_password_file: '{}', hello: here.example.org, headers: {{X-Team: sëarch}}, \
         threading: {{enabled: true, thread_by_date: none}}",
        password.display()
    );
    let mut told = Told::by(&server.routing(&more))?;
    let evil = "a\r\nBcc: thief@example.org\r\n\r\n<script>";
    let slow = told.alert(&[("alertname", "Slow"), ("op", evil), ("town", "Zürich")], Duration::from_secs(60));
    told.notifier.take(std::slice::from_ref(&slow));
    let [began] = &server.takes(&mut told, 1).await?[..] else { return Err("one mail".into()) };
    assert_eq!(began["from"], "alerts@example.org");
    assert_eq!(began["to"], json!(["team@example.org", "on-call@example.org"]));
    assert_eq!((&began["authenticated"], &began["encrypted"]), (&json!(true), &json!(true)));
    assert_eq!((&began["hello"], &began["defects"]), (&json!("here.example.org"), &json!([])));
    assert_eq!(header(began, "Subject"), "[FIRING:1] Slow (a  Bcc: thief@example.org    <script> Zürich)");
    assert_eq!((header(began, "To"), header(began, "Bcc")), ("Team <team@example.org>, on-call@example.org", ""));
    assert_eq!((header(began, "From"), header(began, "X-Team")), ("Alerts <alerts@example.org>", "sëarch"));
    let (text, html) = (&began["parts"]["text/plain"], &began["parts"]["text/html"]);
    let (text, html) = (text.as_str().ok_or("a text")?, html.as_str().ok_or("HTML")?);
    assert!(text.contains("summary = p95 of <search> is high") && text.contains("town = Zürich"), "{text}");
    assert!(html.contains("p95 of &lt;search&gt; is high") && !html.contains("<script>"), "{html}");
    assert!(html.contains("<a href=\"http://127.0.0.1/graph?g0.expr=up\">"), "{html}");

    told.notifier.take(&[told.ended(&slow)]);
    let [_, ended] = &server.takes(&mut told, 2).await?[..] else { return Err("two mails".into()) };
    assert!(header(ended, "Subject").starts_with("[RESOLVED] Slow"), "{ended}");
    assert!(header(ended, "In-Reply-To").starts_with("<alert-"), "{ended}");
    assert_eq!(header(began, "References"), header(ended, "References"));
    assert_ne!(header(began, "Message-ID"), header(ended, "Message-ID"));
    told.during(Duration::from_millis(2_500)).await;
    assert_eq!((server.taken()?.len(), told.failed()), (2, 0), "nothing twice");
    Ok(())
}

#[tokio::test]
async fn mail_goes_over_tls_from_the_start_and_without_any_where_it_is_asked_for() -> Result<()> {
    for (mode, more, encrypted) in
        [(Mode::Implicit, "force_implicit_tls: true", true), (Mode::Plain, "require_tls: false", false)]
    {
        let server = MailServer::start(mode, "").await?;
        let mut told = Told::by(&server.routing(more))?;
        told.notifier.take(&[told.alert(&[("alertname", "Slow")], Duration::from_secs(60))]);
        let taken = server.takes(&mut told, 1).await?;
        assert_eq!(taken[0]["encrypted"], encrypted, "{mode:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_down_gets_every_message_once() -> Result<()> {
    let mut server = MailServer::down()?;
    let mut told = Told::by(&server.routing(""))?;
    told.notifier.take(&[told.alert(&[("alertname", "Slow")], Duration::from_secs(60))]);
    told.during(Duration::from_secs(3)).await;
    server.up(Mode::StartTls, "").await?;
    server.takes(&mut told, 1).await?;
    told.during(Duration::from_secs(3)).await;
    assert_eq!((server.taken()?.len(), told.failed()), (1, 0));
    Ok(())
}

/// The text of all lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_wrong_password_is_counted_and_told_and_never_shown() -> Result<()> {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = MailServer::start(Mode::StartTls, USER).await?;
    let mut told = Told::by(&server.routing(&format!("auth_username: {USER}, auth_password: wr0ng")))?;
    told.notifier.take(&[told.alert(&[("alertname", "Slow")], Duration::from_secs(60))]);
    let internal = Arc::clone(told.internal());
    let counted = async || Ok((internal.counted(bellwether::internal::Counter::NotificationFailed) > 0).then_some(()));
    told.until("a failure", counted).await?;
    let said = String::from_utf8(lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone())?;
    assert!(said.contains("receiver team: email_configs[0] did not take a notification about alerts"), "{said}");
    assert!(said.contains("535"), "{said}");
    assert!(!said.contains("wr0ng") && !format!("{:?}", told.notifier).contains("wr0ng"), "{said}");
    assert_eq!(server.taken()?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn what_will_not_succeed_is_refused_and_what_may_is_tried_again() -> Result<()> {
    let plain = MailServer::start(Mode::Plain, USER).await?;
    let tls = MailServer::start(Mode::StartTls, "").await?;
    let address = |server: &MailServer| format!("localhost:{}", server.port);
    let mail = |server: &MailServer| Email {
        ca_file: Some(server.authority.file()),
        ..Email::new("team@example.org", "alerts@example.org", address(server))
    };
    let login = |password: &str| {
        Some(Login { username: USER.to_owned(), password: Secret::Text(password.to_owned()), identity: String::new() })
    };
    let unknown = Some(tls.authority.file());
    let [nobody] = free_ports()?;
    let cases = [
        ("no STARTTLS", mail(&plain), false, "does not offer STARTTLS"),
        ("no login", Email { require_tls: false, ..mail(&plain) }, false, "530"),
        ("wrong password", Email { require_tls: false, login: login("x"), ..mail(&plain) }, false, "535"),
        (
            "wrong authority",
            Email { ca_file: Some(plain.authority.file()), ..mail(&tls) },
            true,
            "invalid peer certificate",
        ),
        (
            "wrong name",
            Email { server_name: Some("mail.example.org".to_owned()), ca_file: unknown, ..mail(&tls) },
            true,
            "not valid for name",
        ),
        ("nobody there", Email { smarthost: format!("localhost:{nobody}"), ..mail(&tls) }, true, "refused"),
    ];
    let now = Clock::system().now();
    let notification = Notification {
        receiver: "team".to_owned(),
        group_key: "{}:{}".to_owned(),
        group_labels: Labels::default(),
        alerts: vec![Told::by(&tls.routing(""))?.alert(&[("alertname", "Slow")], Duration::from_secs(60))],
        reason: Reason::First,
        time: now,
        suppressed: 0,
    };
    for (case, config, again, says) in cases {
        let trouble = EmailChannel::new("mail", config)?.send(&notification).await;
        let Err(trouble) = trouble else { return Err(format!("{case}: taken").into()) };
        assert_eq!(matches!(trouble, Trouble::Again { .. }), again, "{case}: {trouble:?}");
        assert!(trouble.why().contains(says), "{case}: {trouble:?}");
    }
    let right = Email { require_tls: false, login: login(PASSWORD), ..mail(&plain) };
    assert_eq!(EmailChannel::new("mail", right)?.send(&notification).await, Ok(()));
    assert_eq!(plain.taken()?.len() + tls.taken()?.len(), 1);
    Ok(())
}

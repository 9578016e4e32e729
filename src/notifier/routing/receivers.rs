//! Receivers: who is told, and over which channel.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::email::{self, Email, Smtp};
use super::file::{duration, sequence};
use super::slack::{self, Slack};
use crate::template::message::Library;
use crate::yaml::{Fault, Node, Reader, Section};

/// A name with any number of channels; one without channels tells nobody.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    /// What routes call it.
    pub name: String,
    /// `webhook_configs`
    pub webhooks: Vec<Webhook>,
    /// `slack_configs`
    pub slacks: Vec<Slack>,
    /// `email_configs`
    pub emails: Vec<Email>,
}

/// A secret, or the file it is read from at each use. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Written in the file or taken from the environment.
    Text(String),
    /// Read when it is needed, so that it may change; white space around it is removed.
    File(PathBuf),
}

impl Secret {
    /// The secret itself.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn read(&self) -> std::io::Result<String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => std::fs::read_to_string(path).map(|text| text.trim().to_owned()),
        }
    }

    /// The path of a secret's file, if it is relative, counts from the folder of the file that names it.
    fn beside(self, file: &str) -> Self {
        match self {
            Self::Text(text) => Self::Text(text),
            Self::File(path) => Self::File(Path::new(file).parent().unwrap_or_else(|| Path::new("")).join(path)),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("***"),
            Self::File(path) => write!(f, "the content of {}", path.display()),
        }
    }
}

/// `webhook_configs`: Alertmanager's own JSON, version 4.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where it is posted to. Secret, because such URLs hold tokens.
    pub url: Secret,
    /// Connection and credentials.
    pub http: Http,
    /// Alerts of one message at most; the rest is counted in it. 0 for all.
    pub max_alerts: usize,
    /// Whether the end of an alert is told. Default yes.
    pub send_resolved: bool,
    /// One try at most; without it the notification's own limit.
    pub timeout: Option<Duration>,
}

/// `http_config`: how a URL is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Http {
    /// The header `Authorization`.
    pub authorization: Option<Authorization>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
}

/// The header `Authorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// A scheme such as `Bearer`, and what follows it.
    Scheme(String, Secret),
    /// User and password.
    Basic(String, Secret),
}

/// What `global` gives to receivers that do not say it themselves.
#[derive(Debug, Default)]
pub(super) struct Global {
    pub(super) resolve_timeout: Option<Duration>,
    pub(super) http: Http,
    pub(super) slack_api_url: Option<Secret>,
    smtp: Smtp,
}

/// Keys of `global` that are read.
const GLOBAL: [&str; 14] = [
    "resolve_timeout",
    "http_config",
    "slack_api_url",
    "slack_api_url_file",
    "smtp_from",
    "smtp_hello",
    "smtp_smarthost",
    "smtp_auth_username",
    "smtp_auth_password",
    "smtp_auth_password_file",
    "smtp_require_tls",
    "smtp_tls_config",
    "smtp_auth_identity",
    "smtp_force_implicit_tls",
];

/// Beginnings of keys of `global` for receivers that are not supported.
const GLOBAL_OTHERS: [&str; 12] = [
    "jira_",
    "mattermost_",
    "opsgenie_",
    "pagerduty_",
    "rocketchat_",
    "slack_app_",
    "smtp_auth_secret",
    "telegram_",
    "victorops_",
    "webex_",
    "wechat_",
    "msteams_",
];

/// Receivers of Alertmanager that are not supported.
const OTHERS: [&str; 16] = [
    "discord_configs",
    "incidentio_configs",
    "jira_configs",
    "mattermost_configs",
    "msteams_configs",
    "msteamsv2_configs",
    "opsgenie_configs",
    "pagerduty_configs",
    "pushover_configs",
    "rocketchat_configs",
    "sns_configs",
    "telegram_configs",
    "victorops_configs",
    "webex_configs",
    "wechat_configs",
    "webhook_v2_configs",
];

pub(super) fn global<'n>(reader: &mut Reader<'n>, node: &'n Node) -> Result<Global, Fault> {
    let any = reader.any_section(node, "a mapping of global settings")?;
    for entry in any.entries {
        if GLOBAL_OTHERS.iter().any(|other| entry.key.starts_with(other)) {
            reader.warn(entry.place, format_args!("{} is not supported and has no effect", entry.key));
        } else if !GLOBAL.contains(&entry.key.as_str()) {
            // Says what the known keys are.
            reader.section(node, &GLOBAL)?;
        }
    }
    Ok(Global {
        resolve_timeout: duration(&any, "resolve_timeout")?,
        http: http(reader, &any)?.unwrap_or_default(),
        slack_api_url: secret(&any, "slack_api_url", "slack_api_url_file")?,
        smtp: email::global(reader, &any)?,
    })
}

pub(super) fn read<'n>(
    reader: &mut Reader<'n>,
    root: &Section<'n>,
    global: &Global,
    library: &Library,
) -> Result<Vec<Receiver>, Fault> {
    let mut receivers: Vec<Receiver> = Vec::new();
    for node in sequence(root, "receivers")? {
        let known: Vec<&str> =
            ["name", "webhook_configs", "slack_configs", "email_configs"].into_iter().chain(OTHERS).collect();
        let section = reader.section(node, &known)?;
        let name = section.required("name").and_then(|_| section.text("name"))?.unwrap_or_default();
        if receivers.iter().any(|receiver| receiver.name == name) {
            return Err(section.invalid("name", name, "a name that no other receiver has"));
        }
        section.ignore(reader, &OTHERS);
        let mut receiver = Receiver { name: name.to_owned(), ..Receiver::default() };
        for node in sequence(&section, "webhook_configs")? {
            receiver.webhooks.push(webhook(reader, node, global)?);
        }
        for node in sequence(&section, "slack_configs")? {
            receiver.slacks.push(slack::read(reader, node, global, library)?);
        }
        for node in sequence(&section, "email_configs")? {
            receiver.emails.push(email::read(reader, node, &global.smtp, library)?);
        }
        receivers.push(receiver);
    }
    Ok(receivers)
}

fn webhook<'n>(reader: &mut Reader<'n>, node: &'n Node, global: &Global) -> Result<Webhook, Fault> {
    let section = reader
        .section(node, &["send_resolved", "http_config", "url", "url_file", "max_alerts", "timeout", "payload"])?;
    section.ignore(reader, &["payload"]);
    let url = secret(&section, "url", "url_file")?;
    let url = url.ok_or_else(|| section.error(section.place, "url or url_file is missing here"))?;
    check_url(&section, "url", &url)?;
    Ok(Webhook {
        url,
        http: http(reader, &section)?.unwrap_or_else(|| global.http.clone()),
        max_alerts: count(&section, "max_alerts")?,
        send_resolved: section.flag("send_resolved")?.unwrap_or(true),
        timeout: limit(&section)?,
    })
}

pub(super) fn http<'n>(reader: &mut Reader<'n>, section: &Section<'n>) -> Result<Option<Http>, Fault> {
    const READ: [&str; 5] = ["authorization", "basic_auth", "bearer_token", "bearer_token_file", "tls_config"];
    const OTHER: [&str; 8] = [
        "oauth2",
        "follow_redirects",
        "enable_http2",
        "proxy_url",
        "no_proxy",
        "proxy_from_environment",
        "proxy_connect_header",
        "http_headers",
    ];
    let Some(node) = section.get("http_config") else { return Ok(None) };
    let http = reader.section(node, &[READ.as_slice(), &OTHER].concat())?;
    http.ignore(reader, &OTHER);
    let file = reader.file;
    let secret = |section: &Section<'_>, key: &str, file_key: &str| {
        let found = secret(section, key, file_key)?;
        Ok::<_, Fault>(found.map(|secret| secret.beside(file)))
    };
    let mut authorization = secret(&http, "bearer_token", "bearer_token_file")?
        .map(|token| Authorization::Scheme(String::from("Bearer"), token));
    if let Some(node) = http.get("authorization") {
        let section = reader.section(node, &["type", "credentials", "credentials_file"])?;
        let scheme = text(&section, "type")?.unwrap_or_else(|| String::from("Bearer"));
        authorization = secret(&section, "credentials", "credentials_file")?
            .map(|credentials| Authorization::Scheme(scheme, credentials));
    }
    if let Some(node) = http.get("basic_auth") {
        let section = reader.section(node, &["username", "username_file", "password", "password_file"])?;
        section.ignore(reader, &["username_file"]);
        let username = text(&section, "username")?.unwrap_or_default();
        let password = secret(&section, "password", "password_file")?.unwrap_or(Secret::Text(String::new()));
        authorization = Some(Authorization::Basic(username, password));
    }
    Ok(Some(Http { authorization, ..tls(reader, &http, "tls_config")? }))
}

/// The certificates of a `tls_config`.
fn tls<'n>(reader: &mut Reader<'n>, section: &Section<'n>, key: &str) -> Result<Http, Fault> {
    const OTHER: [&str; 7] = ["ca", "cert", "key", "server_name", "insecure_skip_verify", "min_version", "max_version"];
    let Some(node) = section.get(key) else { return Ok(Http::default()) };
    let tls = reader.section(node, &[["ca_file", "cert_file", "key_file"].as_slice(), &OTHER].concat())?;
    tls.ignore(reader, &OTHER);
    let file = |key: &str| Ok::<_, Fault>(text(&tls, key)?.map(|path| beside(reader.file, &path)));
    Ok(Http {
        authorization: None,
        ca_file: file("ca_file")?,
        cert_file: file("cert_file")?,
        key_file: file("key_file")?,
    })
}

/// Relative paths are those of the routing file's folder, as in Alertmanager.
pub(super) fn beside(file: &str, path: &str) -> PathBuf {
    Path::new(file).parent().unwrap_or_else(|| Path::new("")).join(path)
}

pub(super) fn text(section: &Section<'_>, key: &str) -> Result<Option<String>, Fault> {
    Ok(section.text(key)?.filter(|text| !text.is_empty()).map(str::to_owned))
}

/// A secret that may stand in a file of its own.
pub(super) fn secret(section: &Section<'_>, key: &str, file_key: &str) -> Result<Option<Secret>, Fault> {
    match (text(section, key)?, text(section, file_key)?) {
        (Some(_), Some(_)) => {
            Err(section.error(section.place, format!("{key} and {file_key}: expected one of the two")))
        }
        (Some(text), None) => Ok(Some(Secret::Text(text))),
        (None, Some(path)) => Ok(Some(Secret::File(PathBuf::from(path)))),
        (None, None) => Ok(None),
    }
}

/// A URL that stands in the file is checked at once, and never shown.
pub(super) fn check_url(section: &Section<'_>, key: &str, url: &Secret) -> Result<(), Fault> {
    const EXPECTED: &str = "a URL that begins with http:// or https://";
    match url {
        Secret::Text(url) if !(url.starts_with("http://") || url.starts_with("https://")) => {
            Err(section.invalid(key, "***", EXPECTED))
        }
        _ => Ok(()),
    }
}

fn count(section: &Section<'_>, key: &str) -> Result<usize, Fault> {
    let whole = section.integer(key, |text| text.parse().map_err(|_| "a whole number from 0 on".into()))?;
    Ok(whole.unwrap_or(0))
}

pub(super) fn limit(section: &Section<'_>) -> Result<Option<Duration>, Fault> {
    Ok(duration(section, "timeout")?.filter(|limit| !limit.is_zero()))
}

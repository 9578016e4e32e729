//! `email_configs`, and what `global` says about mail.

use std::path::PathBuf;

use super::receivers::{Secret, beside, secret, text};
use super::templates::template;
use crate::template::message::{Form, Library};
use crate::yaml::{Fault, Node, Reader, Section};

/// `email_configs`: messages over SMTP. Needs the feature `email`.
#[derive(Debug, Clone)]
pub struct Email {
    /// Addresses, separated by commas; each gets the same message. A template.
    pub to: String,
    /// The sender's address. A template.
    pub from: String,
    /// `host:port` of the server.
    pub smarthost: String,
    /// The name that this machine says to the server. Default `localhost`, as in Alertmanager.
    pub hello: String,
    /// Credentials, for a server that asks for some.
    pub login: Option<Login>,
    /// Whether a connection to another port than 465 is encrypted by STARTTLS, and refused where that is not offered.
    /// Default yes; otherwise it stays plain.
    pub require_tls: bool,
    /// Whether the connection begins with TLS (true) or plain (false); without it the port decides: 465 begins with TLS.
    pub implicit_tls: Option<bool>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The name that the server's certificate must have. Default the host of `smarthost`.
    pub server_name: Option<String>,
    /// Headers besides the usual ones, each a template; `Subject`, `To` and `From` take the place of ours.
    pub headers: Vec<(String, String)>,
    /// Template of the body as HTML; without it ours, and when it is empty none.
    pub html: Option<String>,
    /// Template of the body as text; without it ours, and when it is empty none.
    pub text: Option<String>,
    /// What the templates may call.
    pub templates: Library,
    /// Which messages a mail program shows as one conversation. Default each by itself.
    pub threading: Threading,
    /// Whether the end of an alert is told. Default no, as in Alertmanager.
    pub send_resolved: bool,
}

/// Who speaks to the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user whose password it is.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The user to act as, if it is another one; empty otherwise.
    pub identity: String,
}

/// Which messages belong together (`References`, `In-Reply-To`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threading {
    /// Each stands by itself.
    #[default]
    Off,
    /// All about a group.
    Group,
    /// All about a group on one day (UTC).
    Daily,
}

impl Email {
    /// What the server is told when nothing else is said.
    pub const HELLO: &str = "localhost";

    /// Messages with all other settings at their defaults; `smarthost` is `host:port`.
    pub fn new(to: impl Into<String>, from: impl Into<String>, smarthost: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            from: from.into(),
            smarthost: smarthost.into(),
            hello: Self::HELLO.to_owned(),
            login: None,
            require_tls: true,
            implicit_tls: None,
            ca_file: None,
            server_name: None,
            headers: Vec::new(),
            html: None,
            text: None,
            templates: Library::default(),
            threading: Threading::Off,
            send_resolved: false,
        }
    }
}

/// What `global` gives to all `email_configs`.
#[derive(Debug, Clone, Default)]
pub(super) struct Smtp {
    from: Option<String>,
    hello: Option<String>,
    smarthost: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    identity: Option<String>,
    require_tls: Option<bool>,
    implicit_tls: Option<bool>,
    tls: Option<Certificates>,
}

/// The part of a `tls_config` that mail knows.
#[derive(Debug, Clone, Default)]
struct Certificates {
    ca_file: Option<PathBuf>,
    server_name: Option<String>,
}

/// The keys of `global` that begin with `smtp_`.
pub(super) fn global<'n>(reader: &mut Reader<'n>, section: &Section<'n>) -> Result<Smtp, Fault> {
    Ok(Smtp {
        from: text(section, "smtp_from")?,
        hello: text(section, "smtp_hello")?,
        smarthost: smarthost(section, "smtp_smarthost")?,
        username: text(section, "smtp_auth_username")?,
        password: secret(section, "smtp_auth_password", "smtp_auth_password_file")?,
        identity: text(section, "smtp_auth_identity")?,
        require_tls: section.flag("smtp_require_tls")?,
        implicit_tls: section.flag("smtp_force_implicit_tls")?,
        tls: certificates(reader, section, "smtp_tls_config")?,
    })
}

/// An entry of `email_configs`.
pub(super) fn read<'n>(
    reader: &mut Reader<'n>,
    node: &'n Node,
    global: &Smtp,
    library: &Library,
) -> Result<Email, Fault> {
    const READ: [&str; 16] = [
        "send_resolved",
        "to",
        "from",
        "hello",
        "smarthost",
        "auth_username",
        "auth_password",
        "auth_password_file",
        "auth_identity",
        "headers",
        "html",
        "text",
        "require_tls",
        "force_implicit_tls",
        "tls_config",
        "threading",
    ];
    const OTHER: [&str; 2] = ["auth_secret", "auth_secret_file"];
    let section = reader.section(node, &[READ.as_slice(), &OTHER].concat())?;
    section.ignore(reader, &OTHER);
    let needed = |key: &str, own: Option<String>, fallback: &Option<String>| {
        let missing = || section.error(section.place, format!("{key} is missing here, and smtp_{key} in global"));
        own.or_else(|| fallback.clone()).ok_or_else(missing)
    };
    let to = template(&section, "to", library, Form::Text)?
        .filter(|to| !to.is_empty())
        .ok_or_else(|| section.error(section.place, "to is missing here"))?;
    let smarthost = needed("smarthost", smarthost(&section, "smarthost")?, &global.smarthost)?;
    let from = needed("from", template(&section, "from", library, Form::Text)?, &global.from)?;
    let username = text(&section, "auth_username")?.or_else(|| global.username.clone());
    let password = secret(&section, "auth_password", "auth_password_file")?.or_else(|| global.password.clone());
    let identity = text(&section, "auth_identity")?.or_else(|| global.identity.clone()).unwrap_or_default();
    let tls = certificates(reader, &section, "tls_config")?.or_else(|| global.tls.clone()).unwrap_or_default();
    let headers = headers(reader, &section, library)?;
    let body = |key: &str, form| template(&section, key, library, form);
    let threading = threading(reader, &section)?;
    let taken = |name: &str| ["References", "In-Reply-To"].iter().any(|taken| taken.eq_ignore_ascii_case(name));
    if let Some((name, _)) = headers.iter().find(|(name, _)| threading != Threading::Off && taken(name)) {
        return Err(
            section.error(section.place, format!("headers: {name} is what threading sets; expected one of the two"))
        );
    }
    Ok(Email {
        hello: text(&section, "hello")?.or_else(|| global.hello.clone()).unwrap_or_else(|| Email::HELLO.to_owned()),
        login: username.zip(password).map(|(username, password)| Login { username, password, identity }),
        require_tls: section.flag("require_tls")?.or(global.require_tls).unwrap_or(true),
        implicit_tls: section.flag("force_implicit_tls")?.or(global.implicit_tls),
        ca_file: tls.ca_file,
        server_name: tls.server_name,
        headers,
        html: body("html", Form::Html)?,
        text: body("text", Form::Text)?,
        templates: library.clone(),
        threading,
        send_resolved: section.flag("send_resolved")?.unwrap_or(false),
        ..Email::new(to, from, smarthost)
    })
}

fn smarthost(section: &Section<'_>, key: &str) -> Result<Option<String>, Fault> {
    let Some(address) = text(section, key)? else { return Ok(None) };
    if host_and_port(&address).is_none() {
        return Err(section.invalid(key, &address, "host:port such as mail.example.org:587"));
    }
    Ok(Some(address))
}

/// The two halves of a `smarthost`; an IPv6 address loses its brackets.
pub(crate) fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() { None } else { Some((host, port.parse().ok()?)) }
}

fn certificates<'n>(reader: &mut Reader<'n>, section: &Section<'n>, key: &str) -> Result<Option<Certificates>, Fault> {
    const READ: [&str; 2] = ["ca_file", "server_name"];
    const OTHER: [&str; 8] =
        ["cert_file", "key_file", "ca", "cert", "key", "insecure_skip_verify", "min_version", "max_version"];
    let Some(node) = section.get(key) else { return Ok(None) };
    let tls = reader.section(node, &[READ.as_slice(), &OTHER].concat())?;
    tls.ignore(reader, &OTHER);
    let ca_file = text(&tls, "ca_file")?.map(|path| beside(reader.file, &path));
    Ok(Some(Certificates { ca_file, server_name: text(&tls, "server_name")? }))
}

fn headers<'n>(reader: &Reader<'n>, section: &Section<'n>, library: &Library) -> Result<Vec<(String, String)>, Fault> {
    let Some(node) = section.get("headers") else { return Ok(Vec::new()) };
    let map = reader.any_section(node, "a mapping of headers")?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for entry in map.entries {
        let name = &entry.key;
        if !is_header_name(name) {
            return Err(map.invalid("headers", name, "names of headers such as Subject or X-Team"));
        }
        if headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Err(map.invalid("headers", name, "each header once"));
        }
        headers.push((name.clone(), template(&map, name, library, Form::Text)?.unwrap_or_default()));
    }
    Ok(headers)
}

/// Whether a text may name a header: visible ASCII without a colon (RFC 5322, section 2.2), at most what lets a line be
/// folded.
pub(crate) fn is_header_name(name: &str) -> bool {
    (1..=76).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

fn threading<'n>(reader: &Reader<'n>, section: &Section<'n>) -> Result<Threading, Fault> {
    let Some(node) = section.get("threading") else { return Ok(Threading::Off) };
    let section = reader.section(node, &["enabled", "thread_by_date"])?;
    let by_date = section.parsed("thread_by_date", |text| match text {
        "daily" => Ok(Threading::Daily),
        "none" => Ok(Threading::Group),
        _ => Err("daily or none".into()),
    })?;
    match (section.flag("enabled")?, by_date) {
        (Some(true), Some(threading)) => Ok(threading),
        (Some(true), None) => {
            Err(section.error(section.place, "thread_by_date is missing here; expected daily or none"))
        }
        _ => Ok(Threading::Off),
    }
}

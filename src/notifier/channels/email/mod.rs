//! Mail over SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the start, by the crate lettre.
//!
//! As Alertmanager does: port 465 begins with TLS, other ports use STARTTLS and are refused without it unless
//! `require_tls` is off; a server that asks for no login gets none. Unlike Alertmanager, a password never crosses a
//! network in the clear, and a message that is tried again keeps its `Message-Id`, so that a server that took the first
//! try unheard can tell.

mod body;
mod letter;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::Message;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use self::letter::Letters;
use super::text::one_line;
use super::{Channel, Sending, Trouble};
use crate::Error;
use crate::notifier::Notification;
use crate::notifier::routing::{Email, Login, host_and_port};
use crate::transport::{TlsFile, certificates};

/// From the first packet until the server has taken the message.
const TRY: Duration = Duration::from_secs(30);
/// For the farewell after that, which nothing depends on.
const FAREWELL: Duration = Duration::from_secs(2);
/// Port that begins with TLS (RFC 8314).
const SUBMISSIONS: u16 = 465;
/// Characters of a server's answer that are shown.
const SHOWN: usize = 200;

/// `email_configs`: tells groups of alerts by mail.
///
/// ```
/// use bellwether::Alerts;
/// use bellwether::notifier::EmailChannel;
/// use bellwether::notifier::routing::Email;
/// let mail = Email::new("team@example.org", "alerts@example.org", "mail.example.org:587");
/// let alerts = Alerts::new().channel("team", EmailChannel::new("mail", mail)?);
/// # drop(alerts);
/// # Ok::<(), bellwether::Error>(())
/// ```
pub struct EmailChannel {
    name: String,
    letters: Letters,
    host: String,
    port: u16,
    hello: ClientId,
    login: Option<Login>,
    encryption: Encryption,
    send_resolved: bool,
}

enum Encryption {
    None,
    /// A plain connection that both sides agree to encrypt.
    StartTls(TlsParameters),
    /// Before anything is said.
    FromTheStart(TlsParameters),
}

impl EmailChannel {
    /// Reads certificates and addresses, and connects to nobody. `name` is for messages.
    ///
    /// # Errors
    /// When an address, the server's or a header's name is not valid, or the file of certificates is not usable.
    pub fn new(name: impl Into<String>, config: Email) -> Result<Self, Error> {
        let name = name.into();
        let Some((host, port)) = host_and_port(&config.smarthost) else {
            let expected = "host:port such as mail.example.org:587";
            return Err(Error::invalid(format!("{name}: smarthost"), config.smarthost, expected));
        };
        let (host, hello) = (host.to_owned(), ClientId::Domain(one_line(&config.hello, SHOWN)));
        let encryption = if config.implicit_tls.unwrap_or(port == SUBMISSIONS) {
            Encryption::FromTheStart(tls(&name, &host, &config)?)
        } else if config.require_tls {
            Encryption::StartTls(tls(&name, &host, &config)?)
        } else {
            Encryption::None
        };
        let letters = Letters::new(&name, &config)?;
        let Email { login, send_resolved, .. } = config;
        Ok(Self { name, letters, host, port, hello, login, encryption, send_resolved })
    }

    /// Returns once the server has taken the message.
    async fn hand_over(&self, message: &Message) -> Result<AsyncSmtpConnection, Trouble> {
        let at_once = match &self.encryption {
            Encryption::FromTheStart(tls) => Some(tls.clone()),
            Encryption::None | Encryption::StartTls(_) => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(TRY), &self.hello, at_once, None)
            .await
            .map_err(|error| trouble(&error))?;
        if let Encryption::StartTls(tls) = &self.encryption {
            if !connection.can_starttls() {
                let why = "the server does not offer STARTTLS, which require_tls (default true) asks for";
                return Err(Trouble::Refused(why.to_owned()));
            }
            connection.starttls(tls.clone(), &self.hello).await.map_err(|error| trouble(&error))?;
        }
        if let Some(login) = &self.login {
            self.authenticate(&mut connection, login).await?;
        }
        connection.send(message.envelope(), &message.formatted()).await.map_err(|error| trouble(&error))?;
        Ok(connection)
    }

    async fn authenticate(&self, connection: &mut AsyncSmtpConnection, login: &Login) -> Result<(), Trouble> {
        let known = [Mechanism::Plain, Mechanism::Login];
        let Some(mechanism) = connection.server_info().get_auth_mechanism(&known) else { return Ok(()) };
        if !connection.is_encrypted() && !is_local(&self.host) {
            let why = "the connection is not encrypted, and a password is not sent over it; expected require_tls: true";
            return Err(Trouble::Refused(why.to_owned()));
        }
        // Read at each use, so that it may be renewed; a file that is not there may come.
        let password = login.password.read().map_err(|error| Trouble::Again {
            why: format!("the file with the password cannot be read: {error}"),
            after: None,
        })?;
        let answer = if mechanism == Mechanism::Plain {
            let plain = Plain { identity: &login.identity, username: &login.username, password: &password };
            connection.command(plain).await
        } else {
            connection.auth(&[mechanism], &Credentials::new(login.username.clone(), password)).await
        };
        answer.map(drop).map_err(|error| trouble(&error))
    }
}

impl fmt::Debug for EmailChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailChannel").field("name", &self.name).field("host", &self.host).finish_non_exhaustive()
    }
}

impl Channel for EmailChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn send<'a>(&'a self, notification: &'a Notification) -> Sending<'a> {
        Box::pin(async move {
            let message = self.letters.write(notification).map_err(Trouble::Refused)?;
            let Ok(taken) = timeout(TRY, self.hand_over(&message)).await else {
                return Err(Trouble::Again { why: format!("no answer within {TRY:?}"), after: None });
            };
            let mut connection = taken?;
            // The server has the message: how the farewell ends must not make it look undelivered.
            tokio::spawn(async move { drop(timeout(FAREWELL, connection.abort()).await) });
            Ok(())
        })
    }
}

/// `AUTH PLAIN` (RFC 4616) in one line; lettre's own knows no identity to act as.
struct Plain<'a> {
    identity: &'a str,
    username: &'a str,
    password: &'a str,
}

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = format!("{}\0{}\0{}", self.identity, self.username, self.password);
        write!(f, "AUTH PLAIN {}\r\n", BASE64.encode(words))
    }
}

fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls(name: &str, host: &str, config: &Email) -> Result<TlsParameters, Error> {
    let setting = || format!("{name}: tls_config: ca_file");
    let server_name = config.server_name.clone().unwrap_or_else(|| host.to_owned());
    let mut builder = TlsParametersBuilder::new(server_name);
    let unusable = |error: smtp::Error| {
        let file = config.ca_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        Error::invalid(setting(), file, format!("a PEM file with certificates that can be trusted ({error})"))
    };
    if let Some(path) = &config.ca_file {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in certificates(path, &|_| setting(), TlsFile::Certificate)? {
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(unusable)?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build_rustls().map_err(unusable)
}

/// 5xx and what this side cannot do will not succeed the next time; 4xx and broken connections may.
fn trouble(error: &smtp::Error) -> Trouble {
    let why = one_line(&error.to_string(), SHOWN);
    if error.is_permanent() || error.is_client() { Trouble::Refused(why) } else { Trouble::Again { why, after: None } }
}

use std::path::PathBuf;

use http_body_util::{BodyExt as _, Empty};
use hyper::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;
use crate::notifier::routing::Routing;

/// A server over TLS with an authority of its own, which writes down `authorization` and body.
struct Encrypted {
    url: String,
    folder: TempDir,
    got: mpsc::UnboundedReceiver<(Option<String>, Value)>,
}

impl Encrypted {
    /// One that asks who it speaks with, if wanted.
    async fn start(asks_for_client: bool) -> Self {
        let folder = TempDir::new().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, folder.path().display().to_string());
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", root.pem());
        let sign = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
            write(&format!("{name}.pem"), certificate.pem());
            write(&format!("{name}.key"), key.serialize_pem());
            (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        };
        sign("client");
        let (certificate, key) = sign("localhost");
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = if asks_for_client {
            let mut roots = RootCertStore::empty();
            roots.add(root.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let config = builder.with_single_cert(vec![certificate], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/hook?token=s3cret", listener.local_addr().unwrap().port());
        let (sender, got) = mpsc::unbounded_channel();
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), sender));
        Self { url, folder, got }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The poster of a routing file in the folder of the certificates, with this `http_config`.
    fn poster(&self, http_config: &str) -> Poster {
        let text = format!(
            "route: {{receiver: a}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{}', http_config: {http_config}}}]}}]",
            self.url
        );
        let routing = Routing::parse(&self.file("alertmanager.yml").display().to_string(), &text).unwrap();
        let webhook = routing.receivers[0].webhooks[0].clone();
        Poster::new(webhook.url, &webhook.http, None, "webhook").unwrap()
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, got: mpsc::UnboundedSender<(Option<String>, Value)>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (got, tls) = (got.clone(), tls.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let take = service_fn(move |request: Request<Incoming>| {
                let got = got.clone();
                async move {
                    let authorization = request.headers().get(AUTHORIZATION);
                    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
                    let body = request.into_body().collect().await?.to_bytes();
                    got.send((authorization, serde_json::from_slice(&body).unwrap())).unwrap();
                    Ok::<_, hyper::Error>(Response::new(Empty::<Bytes>::new()))
                }
            });
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), take).await);
        });
    }
}

#[tokio::test]
async fn over_tls_a_secret_of_a_file_is_read_at_each_use_and_never_shown() {
    let mut server = Encrypted::start(false).await;
    for (http_config, scheme) in [
        ("{authorization: {credentials_file: secret}, tls_config: {ca_file: ca.pem}}", "Bearer "),
        ("{bearer_token_file: secret, tls_config: {ca_file: ca.pem}}", "Bearer "),
        ("{basic_auth: {username: us, password_file: secret}, tls_config: {ca_file: ca.pem}}", "Basic "),
    ] {
        let poster = server.poster(http_config);
        for secret in ["fir5t", "sec0nd"] {
            std::fs::write(server.file("secret"), format!("{secret}\n")).unwrap();
            poster.post(&Value::from(secret)).await.unwrap();
            let (authorization, body) = server.got.recv().await.unwrap();
            let expected = match scheme {
                "Basic " => BASE64.encode(format!("us:{secret}")),
                _ => secret.to_owned(),
            };
            assert_eq!((authorization, body), (Some(format!("{scheme}{expected}")), Value::from(secret)));
        }
        let shown = format!("{poster:?}");
        assert!(!shown.contains("sec0nd") && !shown.contains("s3cret"), "{shown}");
        std::fs::remove_file(server.file("secret")).unwrap();
        let trouble = poster.post(&Value::Null).await.unwrap_err();
        assert!(matches!(&trouble, Trouble::Again { why, .. } if why.contains("a file with a secret cannot be read")));
    }
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_gets_nothing_and_the_message_says_why() {
    let (mut server, other) = (Encrypted::start(false).await, Encrypted::start(false).await);
    let other = other.file("ca.pem").display().to_string();
    let poster = server.poster(&format!("{{bearer_token: t0ken, tls_config: {{ca_file: '{other}'}}}}"));
    let trouble = poster.post(&Value::from("x")).await.unwrap_err();
    assert!(trouble.why().contains("invalid peer certificate: UnknownIssuer"), "{trouble:?}");
    assert!(!format!("{trouble:?} {poster:?}").contains("t0ken") && !trouble.why().contains("s3cret"));
    assert!(server.got.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_shown_our_certificate() {
    let mut server = Encrypted::start(true).await;
    let known = server.poster("{tls_config: {ca_file: ca.pem, cert_file: client.pem, key_file: client.key}}");
    known.post(&Value::from("known")).await.unwrap();
    assert_eq!(server.got.recv().await.unwrap().1, "known");
    let unknown = server.poster("{tls_config: {ca_file: ca.pem}}");
    unknown.post(&Value::from("unknown")).await.unwrap_err();
    assert!(server.got.try_recv().is_err());
}

//! TLS with an authority of one's own, mutual TLS, and every way a certificate file can be wrong.

use std::path::PathBuf;
use std::sync::Arc;

use bellwether::clock::Clock;
use bellwether::exporters::otlp::{Client, Tls};
use opentelemetry_sdk::trace::SpanExporter as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::lines::{Lines, assert_says};
use super::receiver::Receiver;
use super::{PROTOCOLS, Protocol, Sender, each_endpoint, fixtures, one_try, to};

/// An authority, and files with what it signed.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { folder, root: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs a certificate and leaves it, with its key, in files.
    fn sign(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    async fn receiver(&self, protocol: Protocol, asks_for_client: bool) -> Receiver {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let (certificate, key) = self.sign("localhost");
        let builder = if asks_for_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.root.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = match protocol {
            Protocol::Grpc => vec![b"h2".to_vec()],
            Protocol::HttpProtobuf => vec![b"http/1.1".to_vec()],
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Receiver::over(listener, protocol, [], Some(TlsAcceptor::from(Arc::new(config))))
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_and_the_client_shows_its_certificate_when_asked() {
    let authority = Authority::new();
    authority.sign("client");
    let trusting = Tls { certificate: Some(authority.file("ca.pem")), ..Tls::default() };
    let showing = Tls {
        client_certificate: Some(authority.file("client.pem")),
        client_key: Some(authority.file("client.key")),
        ..trusting.clone()
    };
    for protocol in PROTOCOLS {
        for (asks, tls, arrives) in [
            (false, &trusting, true),
            (true, &showing, true),
            (true, &trusting, false),
            (false, &Tls::default(), false),
        ] {
            let receiver = authority.receiver(protocol, asks).await;
            let mut config = to(&receiver.url(), protocol);
            each_endpoint(&mut config, |endpoint| {
                endpoint.tls = tls.clone();
            });
            if !arrives {
                one_try(&mut config);
            }
            // Without files the system's authorities are trusted; a machine that has none says so at once.
            let Ok(spans) = Client::new(config, Arc::default(), Clock::system()).spans() else {
                assert!(tls.certificate.is_none());
                continue;
            };
            let result = spans.export(fixtures::spans(2)).await;
            assert_eq!(result.is_ok(), arrives, "{protocol:?}, asks: {asks}, {tls:?}");
            assert_eq!(receiver.received().len(), usize::from(arrives));
        }
    }
}

#[test]
fn certificate_files_that_cannot_be_used_are_refused_at_setup_with_variable_and_file() {
    let authority = Authority::new();
    authority.sign("client");
    authority.sign("other");
    std::fs::write(authority.file("text.pem"), "no certificate").unwrap();
    std::fs::write(authority.file("broken.pem"), "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n")
        .unwrap();
    let file = |name: &str| Some(authority.file(name));
    let ca = || file("ca.pem");
    for (certificate, client_certificate, client_key, names, shows, says) in [
        (file("gone.pem"), None, None, "TRACES_CERTIFICATE", "gone.pem", "No such file"),
        (file("text.pem"), None, None, "TRACES_CERTIFICATE", "text.pem", "it holds no certificates"),
        (file("broken.pem"), None, None, "TRACES_CERTIFICATE", "broken.pem", "a readable PEM file"),
        (ca(), file("text.pem"), file("client.key"), "CLIENT_CERTIFICATE", "text.pem", "it holds no certificates"),
        (ca(), file("client.pem"), file("client.pem"), "CLIENT_KEY", "client.pem", "it holds no private key"),
        (ca(), file("client.pem"), file("other.key"), "CLIENT_KEY", "other.key", "the private key of"),
        (ca(), file("client.pem"), None, "CLIENT_KEY", "", "the certificate needs it"),
        (ca(), None, file("client.key"), "CLIENT_CERTIFICATE", "", "the key needs its certificate"),
    ] {
        let mut config = to("https://localhost:4317", Protocol::Grpc);
        config.traces.tls = Tls { certificate, client_certificate, client_key };
        let error = Client::new(config, Arc::default(), Clock::system()).spans().unwrap_err();
        let text = error.to_string();
        assert!(error.is_configuration() && text.contains("OTEL_EXPORTER_OTLP_"), "{text}");
        assert!(text.contains(names) && text.contains(shows) && text.contains(says), "{text}");
    }
}

#[tokio::test]
async fn without_encryption_certificate_files_are_not_read() {
    let receiver = Receiver::start(Protocol::Grpc, []).await;
    let mut config = to(&receiver.url(), Protocol::Grpc);
    each_endpoint(&mut config, |endpoint| endpoint.tls.certificate = Some(PathBuf::from("/nowhere/ca.pem")));
    Sender::new(&config).spans().export(fixtures::spans(1)).await.unwrap();
}

#[tokio::test]
async fn a_handshake_that_fails_is_told_with_its_cure() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let ca = |of: &Authority| Tls { certificate: Some(of.file("ca.pem")), ..Tls::default() };
    for (asks, tls, says) in [
        (false, ca(&stranger), ["invalid peer certificate", "OTEL_EXPORTER_OTLP_CERTIFICATE)"]),
        (true, ca(&authority), ["CertificateRequired", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE)"]),
    ] {
        for protocol in PROTOCOLS {
            let (lines, _guard) = Lines::capture();
            let receiver = authority.receiver(protocol, asks).await;
            let mut config = to(&receiver.url(), protocol);
            one_try(&mut config);
            each_endpoint(&mut config, |endpoint| endpoint.tls = tls.clone());
            Sender::new(&config).spans().export(fixtures::spans(1)).await.unwrap_err();
            assert_says(&lines.only(), &says);
        }
    }
    let (lines, _guard) = Lines::capture();
    let receiver = Receiver::start(Protocol::HttpProtobuf, []).await;
    let mut config = to(&receiver.url().replace("http:", "https:"), Protocol::HttpProtobuf);
    one_try(&mut config);
    each_endpoint(&mut config, |endpoint| endpoint.tls = ca(&authority));
    Sender::new(&config).spans().export(fixtures::spans(1)).await.unwrap_err();
    assert_says(&lines.only(), &["Does it speak TLS? If not", "http://"]);
}

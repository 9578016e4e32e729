//! Certificates: read and checked at setup.

use std::io;
use std::path::Path;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::{Tls, TlsFile};
use crate::Error;

/// Names the setting of a file.
pub(crate) type Setting<'s> = &'s dyn Fn(TlsFile) -> String;

/// Certificates to trust and to show, ready to use; without `tls`, for connections that are not encrypted, none.
///
/// # Errors
/// When a file cannot be read, is not PEM, holds nothing of its kind, or the key does not belong to the certificate.
pub(super) fn client_config(tls: Option<&Tls>, setting: Setting<'_>) -> Result<ClientConfig, Error> {
    // The process-wide provider of rustls belongs to the host.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::system("set up TLS", io::Error::other(error)))?;
    let Some(tls) = tls else {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    };
    let builder = match &tls.certificate {
        Some(path) => builder.with_root_certificates(roots(path, setting)?),
        None => builder.with_native_roots().map_err(|error| {
            let expected = format!("a PEM file with certificates to trust, because the system has none ({error})");
            Error::invalid(setting(TlsFile::Certificate), "", expected)
        })?,
    };
    match (&tls.client_certificate, &tls.client_key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key_file)) => {
            let chain = certificates(certificate, setting, TlsFile::ClientCertificate)?;
            let key = PrivateKeyDer::from_pem_file(key_file)
                .map_err(|error| unusable(key_file, setting, TlsFile::ClientKey, "a private key", &error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                let expected = format!("the private key of {} ({error})", certificate.display());
                Error::invalid(setting(TlsFile::ClientKey), key_file.display().to_string(), expected)
            })
        }
        (Some(_), None) => Err(Error::invalid(setting(TlsFile::ClientKey), "", "a file: the certificate needs it")),
        (None, Some(_)) => {
            Err(Error::invalid(setting(TlsFile::ClientCertificate), "", "a file: the key needs its certificate"))
        }
    }
}

fn roots(path: &Path, setting: Setting<'_>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, setting, TlsFile::Certificate)? {
        roots.add(certificate).map_err(|error| {
            let expected = format!("a PEM file with certificates that can be trusted ({error})");
            Error::invalid(setting(TlsFile::Certificate), path.display().to_string(), expected)
        })?;
    }
    Ok(roots)
}

/// All certificates of a file, at least one.
///
/// # Errors
/// When the file cannot be read, is not PEM, or holds none.
pub(crate) fn certificates(
    path: &Path,
    setting: Setting<'_>,
    what: TlsFile,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(path, setting, what, "certificates", &error))?;
    if found.is_empty() {
        return Err(unusable(path, setting, what, "certificates", &pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn unusable(path: &Path, setting: Setting<'_>, what: TlsFile, holds: &str, error: &pem::Error) -> Error {
    let reason = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("it holds no {}", holds.trim_start_matches("a ")),
        other => other.to_string(),
    };
    let expected = format!("a readable PEM file with {holds} ({reason})");
    Error::invalid(setting(what), path.display().to_string(), expected)
}

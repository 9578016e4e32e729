//! Compression of requests.

use std::borrow::Cow;
use std::io::Write;

use flate2::write::GzEncoder;

use super::Compression;

/// The message as it goes out. Level 6 is what other exporters use.
pub(super) fn pack(message: &[u8], compression: Compression) -> Cow<'_, [u8]> {
    match compression {
        Compression::None => Cow::Borrowed(message),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 4), flate2::Compression::default());
            // Writing into memory does not fail.
            let written = encoder.write_all(message).and_then(|()| encoder.finish());
            Cow::Owned(written.unwrap_or_default())
        }
    }
}

//! The digest of a command: what tells the same command asked twice from another one under the same key.

use std::fmt;
use std::str::FromStr;

/// Sixteen bytes of a keyed HMAC over a command's name, its ledger and its canonical body.
///
/// It is keyed so that the header, which is not sealed, tells nothing about a body that can be guessed. The caller
/// computes it; the journal only keeps and compares it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; Digest::BYTES]);

/// The text is not the 32 hexadecimal digits of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 32 lowercase hexadecimal digits")]
pub struct NotADigest;

impl Digest {
    /// How many bytes of the HMAC are kept: enough that two bodies never meet by chance.
    pub const BYTES: usize = 16;
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; Self::BYTES * 2];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 0x0f)];
        }
        // Only ASCII digits were written.
        f.write_str(std::str::from_utf8(&text).unwrap_or(""))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(s: &str) -> Result<Self, NotADigest> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(NotADigest),
        };
        if s.len() != Self::BYTES * 2 {
            return Err(NotADigest);
        }
        let mut bytes = [0; Self::BYTES];
        for (byte, pair) in bytes.iter_mut().zip(s.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_as_it_is_written() {
        let digest = Digest([0, 1, 0x7f, 0x80, 0xff, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(digest.to_string(), "00017f80ff05060708090a0b0c0d0e0f");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for bad in ["", "00", "00017F80ff05060708090a0b0c0d0e0f", "00017f80ff05060708090a0b0c0d0e0g"] {
            assert_eq!(bad.parse::<Digest>(), Err(NotADigest), "{bad}");
        }
    }
}

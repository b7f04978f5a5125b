//! One message in a file of a backup.
//!
//! A record is its length in bytes (32 bits, most significant first), then: the position and the time of storage in
//! nanoseconds since 1970 (64 bits each), the subject, the number of headers (32 bits), each header's name and value, in
//! the order of names, and the body. Texts and the body are preceded by their length (32 bits).

use std::io::{self, Read, Write};

use async_nats::HeaderMap;
use bytes::Bytes;

use crate::scan::Scanned;

/// No record is longer: the broker takes no message of this size.
const MAX_BYTES: u32 = 64 << 20;

/// A message as it stood in its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) position: u64,
    pub(super) stored: i64,
    pub(super) subject: String,
    /// Names and values, in the order of names.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Record {
    pub(super) fn of(scanned: &Scanned) -> Self {
        let map = scanned.message.headers.as_ref();
        let mut headers: Vec<(String, String)> = map
            .into_iter()
            .flat_map(HeaderMap::iter)
            .flat_map(|(name, values)| {
                values.iter().map(move |value| (name.to_string(), value.as_str().to_owned()))
            })
            .collect();
        // Several values of one name stay in their order.
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        Self {
            position: scanned.sequence,
            stored: scanned.stored,
            subject: scanned.message.subject.to_string(),
            headers,
            body: scanned.message.payload.clone(),
        }
    }

    /// The headers as the client sends them.
    pub(super) fn header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            map.append(name.as_str(), value.as_str());
        }
        map
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut record = Vec::with_capacity(self.body.len() + 512);
        record.extend(self.position.to_be_bytes());
        record.extend(self.stored.to_be_bytes());
        put(&mut record, self.subject.as_bytes())?;
        record.extend(length(self.headers.len())?);
        for (name, value) in &self.headers {
            put(&mut record, name.as_bytes())?;
            put(&mut record, value.as_bytes())?;
        }
        put(&mut record, &self.body)?;
        to.write_all(&length(record.len())?)?;
        to.write_all(&record)
    }

    /// The next record; `None` at the end of the file.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut first = [0; 4];
        // An end within a length is no end.
        if from.by_ref().take(1).read(&mut first)? == 0 {
            return Ok(None);
        }
        from.read_exact(&mut first[1..])?;
        let length = u32::from_be_bytes(first);
        if length > MAX_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut record = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        from.read_exact(&mut record)?;
        let mut rest = record.as_slice();
        let position = u64::from_be_bytes(*chunk(&mut rest)?);
        let stored = i64::from_be_bytes(*chunk(&mut rest)?);
        let subject = text(&mut rest)?;
        let count = u32::from_be_bytes(*chunk(&mut rest)?);
        let headers =
            (0..count).map(|_| Ok((text(&mut rest)?, text(&mut rest)?))).collect::<io::Result<_>>()?;
        let body = Bytes::copy_from_slice(part(&mut rest)?);
        if !rest.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Some(Self { position, stored, subject, headers, body }))
    }
}

fn length(bytes: usize) -> io::Result<[u8; 4]> {
    Ok(u32::try_from(bytes).map_err(io::Error::other)?.to_be_bytes())
}

fn put(record: &mut Vec<u8>, part: &[u8]) -> io::Result<()> {
    record.extend(length(part.len())?);
    record.extend(part);
    Ok(())
}

fn chunk<'a, const N: usize>(rest: &mut &'a [u8]) -> io::Result<&'a [u8; N]> {
    let (first, others) = rest.split_first_chunk::<N>().ok_or(io::ErrorKind::InvalidData)?;
    *rest = others;
    Ok(first)
}

fn part<'a>(rest: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let bytes = usize::try_from(u32::from_be_bytes(*chunk(rest)?)).map_err(io::Error::other)?;
    let (first, others) = rest.split_at_checked(bytes).ok_or(io::ErrorKind::InvalidData)?;
    *rest = others;
    Ok(first)
}

fn text(rest: &mut &[u8]) -> io::Result<String> {
    String::from_utf8(part(rest)?.to_vec()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_never_half() {
        let record = Record {
            position: 7,
            stored: -1,
            subject: "evt.33.household.x".to_owned(),
            headers: vec![("ce-id".to_owned(), "é".to_owned()), ("ce-id".to_owned(), String::new())],
            body: Bytes::from_static(b"\0\xff"),
        };
        let mut file = Vec::new();
        record.write(&mut file).unwrap();
        record.write(&mut file).unwrap();
        let mut from = file.as_slice();
        assert_eq!(Record::read(&mut from).unwrap().as_ref(), Some(&record));
        assert_eq!(Record::read(&mut from).unwrap().as_ref(), Some(&record));
        assert_eq!(Record::read(&mut from).unwrap(), None);
        for cut in 1..file.len() / 2 {
            assert!(Record::read(&mut &file[..cut]).is_err(), "{cut}");
        }
    }
}

//! Which addresses the hub may send to where others name them: public ones. An address that somebody registers could
//! else make the hub ask systems that only it can reach (server-side request forgery).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use url::{Host, Url};

/// The longest address, in bytes.
const LONGEST: usize = 2_000;

/// Where the hub may send to.
#[derive(Clone)]
pub struct Reach {
    allow_http: bool,
    allowed: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl Reach {
    /// Public addresses, and those that are `allowed` beside them; by `http:` as well as `https:` with `allow_http`.
    pub fn new(allow_http: bool, allowed: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { allow_http, allowed: Arc::new(allowed) }
    }

    /// Whether a connection to this address may be made.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        is_public(address) || (self.allowed)(address)
    }

    /// What is wrong with an address, as far as it can be told without looking its name up. `None`: nothing.
    #[must_use]
    pub fn fault(&self, url: &Url) -> Option<String> {
        let is_allowed = url.scheme() == "https" || (self.allow_http && url.scheme() == "http");
        if !is_allowed {
            return Some("This must begin with https://.".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some("A secret is not written here: messages are signed.".to_owned());
        }
        if url.fragment().is_some() {
            return Some("An address that is sent to has no part behind a `#`.".to_owned());
        }
        if url.as_str().len() > LONGEST {
            return Some(format!("This is longer than {LONGEST} bytes."));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return None,
            None => return Some("This names no host.".to_owned()),
        };
        (!self.holds(address)).then(|| NotPublic(address).to_string())
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reach")
    }
}

/// An address that nothing is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotPublic(pub(super) IpAddr);

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "This leads to {}, which is no public address.", self.0)
    }
}

impl std::error::Error for NotPublic {}

/// Whether the address is one of the public Internet (IANA's special-purpose registries).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    // An IPv4 address in IPv6's clothes leads where the IPv4 address does.
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = matches!(
        (first, second, third),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

/// Only what is given out as unicast (`2000::/3`), without what is for documents, for protocols, and without tunnels, whose
/// other end may be a private IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_special = match first {
        0x2001 => second < 0x200 || second == 0xdb8,
        0x2002 => true,
        0x3fff => second < 0x1000,
        _ => false,
    };
    first & 0xe000 == 0x2000 && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for address in ["8.8.8.8", "100.63.0.1", "172.32.0.1", "192.0.1.1", "::ffff:8.8.8.8", "2a00:1450::1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_is_refused_for_what_it_says_itself() {
        let reach = Reach::new(false, |_| false);
        let is_taken = |url: &str| reach.fault(&url.parse().unwrap()).is_none();
        assert!(is_taken("https://partner.example/hooks?x=1") && is_taken("https://8.8.8.8:8443/"));
        for url in [
            "http://partner.example/",
            "ftp://partner.example/",
            "file:///etc/passwd",
            "https://user:secret@partner.example/",
            "https://partner.example/#x",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/meta-data/",
            &format!("https://partner.example/{}", "x".repeat(2_000)),
        ] {
            assert!(!is_taken(url), "{url}");
        }
        let at_home = Reach::new(true, |address| address.is_loopback());
        assert_eq!(at_home.fault(&"http://127.0.0.1:8081/hooks".parse().unwrap()), None);
        assert!(at_home.fault(&"http://10.0.0.1/".parse().unwrap()).is_some());
    }
}

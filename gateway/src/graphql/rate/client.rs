//! Whose requests are counted together.

use std::net::{IpAddr, Ipv6Addr};

use crate::graphql::caller::Caller;

/// The bits of an IPv6 address that one household or office has: the rest is its own to vary.
const NETWORK: u32 = 64;

/// What a caller's requests are counted under: the client that its token names, wherever it asks from, else its address.
/// `None`: it asks from within the process.
pub(crate) fn key(caller: &Caller) -> Option<String> {
    let identity = caller.identity.as_deref();
    if let Some((identity, client)) = identity.and_then(|identity| Some((identity, identity.client.as_ref()?))) {
        return Some(format!("client:{} {client}", identity.issuer));
    }
    Some(match caller.address?.to_canonical() {
        IpAddr::V4(address) => format!("address:{address}"),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - NETWORK)));
            format!("address:{network}/{NETWORK}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let key =
            |address: &str| key(&Caller { address: Some(address.parse().unwrap()), ..Caller::default() }).unwrap();
        assert_eq!(key("192.0.2.1"), "address:192.0.2.1");
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff::9"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
    }
}

//! Where a request came from. Anybody can write anything into a header, so a header is believed only as far as the hub's
//! own proxies wrote it: from the last hop backwards, up to the first that is none of them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::config::Network;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request came from, among its extensions. Not there where it came over no connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientAddress(pub(super) IpAddr);

/// Puts a request's [`ClientAddress`] among its extensions.
pub(crate) async fn tell(State(trusted): State<Arc<[Network]>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let address = address(peer.ip(), request.headers(), &trusted);
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.run(request).await
}

/// The address that a request came from, where `peer` is at the connection's other end.
fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
    let mut address = peer;
    if !is_trusted(address) {
        return address;
    }
    for hop in hops(headers).into_iter().rev() {
        let Some(before) = hop else { break };
        address = before;
        if !is_trusted(address) {
            break;
        }
    }
    address
}

/// The hops that the headers name, in their order: `Forwarded` (RFC 7239) where it is there, else `X-Forwarded-For`.
/// `None` for one that hides its address.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = |name: &HeaderName| {
        let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        values.join(",")
    };
    if headers.contains_key(header::FORWARDED) {
        let forwarded = lines(&header::FORWARDED);
        let of = |element: &str| {
            let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
            let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
            node_address(node)
        };
        return forwarded.split(',').map(of).collect();
    }
    let forwarded = lines(&FORWARDED_FOR);
    forwarded.split(',').filter(|hop| !hop.trim().is_empty()).map(node_address).collect()
}

/// The address of a node: bare, in brackets, with or without a port.
fn node_address(node: &str) -> Option<IpAddr> {
    let node = node.trim().trim_matches('"');
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    bare.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|node| node.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, trusted: &[&str], headers: &[(HeaderName, &str)]) -> String {
        let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        address(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn a_header_is_believed_as_far_as_trusted_proxies_wrote_it() {
        let forwarded = |text| [(FORWARDED_FOR, text)];
        let proxies = ["10.0.0.0/8"];
        assert_eq!(told("192.0.2.9", &[], &forwarded("198.51.100.1")), "192.0.2.9");
        assert_eq!(told("192.0.2.9", &proxies, &forwarded("198.51.100.1")), "192.0.2.9");
        assert_eq!(told("10.0.0.1", &proxies, &forwarded("198.51.100.1")), "198.51.100.1");
        // What the client wrote itself stands before what the proxies wrote.
        assert_eq!(told("10.0.0.1", &proxies, &forwarded("1.1.1.1, 198.51.100.1, 10.0.0.2")), "198.51.100.1");
        assert_eq!(told("10.0.0.1", &proxies, &forwarded("10.0.0.3, 10.0.0.2")), "10.0.0.3");
        assert_eq!(told("10.0.0.1", &proxies, &forwarded("1.1.1.1, nonsense, 10.0.0.2")), "10.0.0.2");
        assert_eq!(told("10.0.0.1", &proxies, &[]), "10.0.0.1");
        let two = [(FORWARDED_FOR, "1.1.1.1"), (FORWARDED_FOR, "198.51.100.1:4711")];
        assert_eq!(told("10.0.0.1", &proxies, &two), "198.51.100.1");
    }

    #[test]
    fn the_standards_header_goes_before_the_older_one() {
        let headers = [
            (FORWARDED_FOR, "1.1.1.1"),
            (header::FORWARDED, "for=192.0.2.60;proto=http, For=\"[2001:db8::17]:4711\";by=x, for=10.0.0.2"),
        ];
        assert_eq!(told("10.0.0.1", &["10.0.0.0/8"], &headers), "2001:db8::17");
        let hidden = [(header::FORWARDED, "for=192.0.2.60, for=_hidden")];
        assert_eq!(told("10.0.0.1", &["10.0.0.0/8"], &hidden), "10.0.0.1");
    }
}

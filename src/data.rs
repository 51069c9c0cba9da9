#![doc = include_str!("../data/README.md")]

mod answer;
mod blockpage;
mod cdn;
mod hosts;
mod interceptor;
mod network;
pub mod prefix;
mod probe;
mod resolver;
pub mod suffix;
mod table;

pub use answer::{
    Sinkhole, SinkholeKind, SpecialPurpose, never_public, sinkhole, sinkhole_name, special_purpose,
};
pub use blockpage::{BlockPage, Part, blockpage};
pub use cdn::{cdn_of_name, cdn_suffix};
pub use hosts::{HostRow, tiktok_hosts, tiktok_labels, tiktok_sources};
pub use interceptor::{Interceptor, interceptor, is_public_ca};
pub use network::{Network, Weight, network_of, networks};
pub use probe::{Probe, is_probe_host, portal_probe};
pub use resolver::{Resolver, Transports, resolver_of_addr, resolver_of_name};

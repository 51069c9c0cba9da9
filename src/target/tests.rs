use std::net::IpAddr;

use super::*;

fn addr(text: &str) -> Addr {
    text.parse::<IpAddr>().unwrap().into()
}

fn role(target: &Target, name: &str) -> Option<Role> {
    target.matches_name(name).map(|m| m.role)
}

#[test]
fn test_tiktok_takes_every_row_of_its_tables() {
    let target = Target::tiktok();
    let group = |name| {
        data::tiktok_hosts()
            .filter(move |h| h.group == name)
            .count()
    };
    assert_eq!(target.hosts().count(), group("tiktok") + group("shared"));
    assert_eq!(target.exceptions().count(), group("sibling"));
    assert_eq!(target.labels.len(), data::tiktok_labels().count());
    for host in data::tiktok_hosts() {
        assert!(host.role.parse::<Role>().is_ok(), "{host:?}");
        assert_eq!(clean_suffix(host.suffix).as_deref(), Ok(host.suffix));
    }
    for (label, role) in data::tiktok_labels() {
        assert!(role.parse::<Role>().is_ok(), "{label}");
    }
    assert!(target.nets().count() > 100);
}

#[test]
fn test_tiktok_names_and_roles() {
    let target = Target::tiktok();
    for (name, want) in [
        ("tiktok.com", Role::Web),
        ("www.TikTok.com.", Role::Web),
        ("vm.tiktok.com", Role::Web),
        ("api16-normal-c-alisg.tiktokv.com", Role::Api),
        ("api22-core-c-useast1a.tiktokv.com", Role::Api),
        ("v16-webapp-prime.tiktok.com", Role::MediaCdn),
        ("v16m.tiktokcdn.com", Role::MediaCdn),
        ("p16-sign-va.tiktokcdn.com", Role::ImageCdn),
        ("sf16-website-login.neutral.ttwstatic.com", Role::Login),
        ("sf16-scmcdn-va.ibytedtos.com", Role::Web),
        ("mon-va.byteoversea.com", Role::Telemetry),
        ("log16-normal-useast5.tiktokv.us", Role::Telemetry),
        ("pull-f5-tt01.tiktokcdn.com", Role::Live),
        ("ads.tiktok.com", Role::Ads),
        ("tiktokcdn.com.edgesuite.net", Role::DnsCname),
        ("v16.tiktokcdn.com.edgesuite.net", Role::DnsCname),
    ] {
        assert_eq!(role(&target, name), Some(want), "{name}");
    }
}

#[test]
fn test_shared_names_are_marked() {
    let target = Target::tiktok();
    let shared = |name| target.matches_name(name).map(|m| m.shared);
    assert_eq!(shared("p16-tiktok-va.ibyteimg.com"), Some(false));
    assert_eq!(shared("p16-capcut-sign.ibyteimg.com"), Some(true));
    assert_eq!(shared("x.byteoversea.com"), Some(true));
}

#[test]
fn test_what_is_not_tiktok() {
    let target = Target::tiktok();
    for name in [
        "capcut.com",
        "www.douyin.com",
        "cloudflare-ech.com",
        "nottiktok.com",
        "tiktok.com.evil.example",
        "akamaized.net",
        "edgesuite.net",
        "bytedance.com",
        "com",
        "",
        ".",
        "日本語",
    ] {
        assert_eq!(target.matches_name(name), None, "{name}");
    }
}

#[test]
fn test_only_own_networks_match() {
    let target = Target::tiktok();
    assert!(target.matches_addr(addr("71.18.1.7")));
    let shared = data::networks()
        .find(|n| n.weight == Weight::Shared)
        .unwrap();
    assert!(!target.matches_addr(shared.prefix.first()));
    for other in ["8.8.8.8", "23.1.2.3", "10.0.0.1", "2001:db8::1"] {
        assert!(!target.matches_addr(addr(other)), "{other}");
    }
}

#[test]
fn test_added_hosts_and_nets() {
    let mut target = Target::tiktok();
    target.add_host("*.Example.com").unwrap();
    target.add_host("capcut.com").unwrap();
    target.add_host("byteoversea.com").unwrap();
    target.add_host("tiktok.com").unwrap();
    target.add_net("203.0.113.0/24").unwrap();
    target.add_net(" 2001:db8::7 ").unwrap();
    assert_eq!(role(&target, "a.example.com"), Some(Role::Unknown));
    assert!(target.matches_name("www.capcut.com").is_some());
    assert!(!target.matches_name("x.byteoversea.com").unwrap().shared);
    assert_eq!(role(&target, "tiktok.com"), Some(Role::Web));
    assert!(target.matches_addr(addr("203.0.113.9")));
    assert!(target.matches_addr(addr("2001:db8::7")));
    assert!(!target.matches_addr(addr("2001:db8::8")));
    let host = target.add_host("https://example.com").unwrap_err();
    assert!(
        host.to_string()
            .starts_with("`https://example.com` is no host suffix")
    );
    assert!(target.add_net("203.0.113.7/24").is_err());
}

#[test]
fn test_everything() {
    let all = Target::everything();
    let any = all.matches_name("anything.example").unwrap();
    assert_eq!(
        (any.role, any.suffix, any.shared),
        (Role::Unknown, "", false)
    );
    assert!(all.is_all() && all.matches_addr(addr("8.8.8.8")));
    let mut target = Target::tiktok();
    target.set_all(true);
    assert_eq!(target.matches_name("capcut.com").unwrap().suffix, "");
    assert_eq!(
        target.matches_name("x.tiktok.com").unwrap().suffix,
        "tiktok.com"
    );
    target.set_all(false);
    assert_eq!(target.matches_name("capcut.com"), None);
}

#[test]
fn test_built_in_names() {
    for name in Target::BUILT_IN {
        assert_eq!(
            Target::built_in(name).map(|t| t.name).as_deref(),
            Some(name)
        );
    }
    assert!(Target::built_in("example").is_none());
}

#[test]
fn test_describe_is_stable_and_has_sources() {
    let text = Target::tiktok().describe().to_string();
    assert_eq!(text, Target::tiktok().describe().to_string());
    assert!(text.starts_with("tiktok (built-in): TikTok"));
    for line in [
        "  web        tiktok.com\n",
        "  api        byteoversea.com (shared)\n",
        "  not        capcut.com\n",
        "  net        71.18.0.0/16\n",
        "# Collected 2026-10",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

/// Names made from pieces of real ones, and longer than a name can be: never a panic, and a match always ends the name.
#[test]
fn test_mutated_names() {
    let target = Target::tiktok();
    let pieces = [
        "tiktok", ".", "com", "TIKTOKV", "v16", "-", "é", "*", "..", "a",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap() % below
    };
    for _ in 0..20_000 {
        let count = random(120);
        let name: String = (0..count).map(|_| pieces[random(pieces.len())]).collect();
        if let Some(found) = target.matches_name(&name) {
            let lower = name.to_ascii_lowercase();
            let bare = lower.strip_suffix('.').unwrap_or(&lower);
            let rest = bare.strip_suffix(found.suffix).unwrap();
            assert!(rest.is_empty() || rest.ends_with('.'), "{name}");
        }
    }
}

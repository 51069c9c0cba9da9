//! seccomp: system calls that this program never needs.
//!
//! What must go on working, since interfaces are opened again and listed while capturing: raw packet sockets (opened,
//! bound), netlink sockets (bound; asked with `sendto` of a netlink address, or on musl of none), the pipes that wake
//! whoever waits for a signal (`send` on a pair of sockets, which is `sendto` of no address), and datagram sockets of
//! IPv4, which libpcap uses as a handle for questions to the kernel (`ioctl`) and never sends on.
//!
//! Addresses can't be looked at by a filter, but their length can: a netlink address has 12 bytes, one for a packet
//! socket 20, IPv4's has 16, IPv6's 28. That decides what `bind` and `sendto` may do.

use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;

/// Never called by this program, whatever the arguments.
const NEVER: &[libc::c_long] = &[
    // Other programs and processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // The network.
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // Ways around this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Where kernels break.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The machine.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

/// Length of a netlink address.
const NETLINK: u64 = 12;
/// Length of a packet socket's address.
const PACKET: u64 = 20;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Forbids them to all threads.
///
/// # Errors
/// What is not possible here, in one line.
pub fn forbid() -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("seccomp: {error}");
    let sockets = sockets().map_err(|e| failed(&e))?;
    let others = others().map_err(|e| failed(&e))?;
    // libpcap asks for sockets of families that it can do without, and gives up unless told that there are none.
    install(sockets, libc::EAFNOSUPPORT)
        .and_then(|()| install(others, libc::EPERM))
        .map_err(|error| failed(&error))
}

/// Makes all calls that match answer with this error.
fn install(rules: Rules, error: libc::c_int) -> Result<(), seccompiler::Error> {
    let answer = SeccompAction::Errno(u32::try_from(error).unwrap_or(1));
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, arch)?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    apply_filter_all_threads(&program)
}

/// `socket(domain, type)`: packet and netlink sockets may be made, and IPv4's for datagrams.
fn sockets() -> Result<Rules, seccompiler::BackendError> {
    let [packet, netlink, ipv4] = [libc::AF_PACKET, libc::AF_NETLINK, libc::AF_INET].map(number);
    let kind = SeccompCmpOp::MaskedEq(0xf);
    let stream = number(libc::SOCK_STREAM);
    let raw = number(libc::SOCK_RAW);
    let socket = vec![
        SeccompRule::new(vec![not(0, packet)?, not(0, netlink)?, not(0, ipv4)?])?,
        SeccompRule::new(vec![is(0, ipv4)?, condition(1, kind.clone(), stream)?])?,
        SeccompRule::new(vec![is(0, ipv4)?, condition(1, kind, raw)?])?,
    ];
    Ok(Rules::from([(libc::SYS_socket, socket)]))
}

fn others() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = NEVER.iter().map(|&call| (call, Vec::new())).collect();
    // bind(…, length), sendto(…, address, length).
    let bind = SeccompRule::new(vec![not(2, NETLINK)?, not(2, PACKET)?])?;
    rules.insert(libc::SYS_bind, vec![bind]);
    let sendto = vec![not(5, NETLINK)?, not(5, 0)?];
    rules.insert(libc::SYS_sendto, vec![SeccompRule::new(sendto)?]);
    Ok(rules)
}

fn number(constant: libc::c_int) -> u64 {
    u64::try_from(constant).unwrap_or(u64::MAX)
}

fn is(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    condition(argument, SeccompCmpOp::Eq, value)
}

fn not(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    condition(argument, SeccompCmpOp::Ne, value)
}

fn condition(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

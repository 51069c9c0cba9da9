#!/bin/sh
# How many packets a second a live capture takes without loss, beside tcpdump, on this machine in this run.
#
#   cargo build --release && cargo build --release --example send
#   sudo sh benches/live.sh CAPTURE [PACKETS]
#
# Two network namespaces joined by a veth pair; one sends the packets of CAPTURE (Ethernet) at rising rates, in the other
# `tcpdump -w` or `shakedown live --headless` listens, one after the other, with the same kernel buffer. Then 10 million
# packets at the highest rate that tcpdump took without loss, with the memory of `shakedown` over that time.
set -eu
capture=$1
packets=${2:-1000000}
bin=${BIN:-$(dirname "$0")/../target/release}
buffer=32768
a=shakedown-bench-a-$$ b=shakedown-bench-b-$$ dir=$(mktemp -d)
trap 'ip netns del $a 2>/dev/null; ip netns del $b 2>/dev/null; rm -rf "$dir"' EXIT INT TERM
ip netns add $a
ip netns add $b
for space in $a $b; do
	ip netns exec $space sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
ip -n $a link add out type veth peer name in netns $b
ip -n $a link set out up
ip -n $b link set in up

listening() { # until somebody listens on `in`
	until ip netns exec $b awk -v i="$(ip netns exec $b cat /sys/class/net/in/ifindex)" \
		'$5 == i { found = 1 } END { exit !found }' /proc/net/packet; do sleep 0.1; done
}
send() { ip netns exec $a "$bin/examples/send" out "$capture" "$1" "$2"; }

tcpdump_drops() { # packets rate
	ip netns exec $b tcpdump -Z root -n -i in -B $buffer -w "$dir/t.pcap" 2>"$dir/t" &
	pid=$!
	listening
	send "$1" "$2" >"$dir/s"
	sleep 1
	kill -INT $pid && wait $pid || true
	rm -f "$dir/t.pcap"
	awk '/dropped by kernel/ { print $1 }' "$dir/t"
}
shakedown_drops() { # packets rate
	ip netns exec $b "$bin/shakedown" live --headless -q -i in -B $buffer --no-kernel-filter --format json >"$dir/r" 2>"$dir/e" &
	pid=$!
	listening
	send "$1" "$2" >"$dir/s"
	sleep 1
	rss=$(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$pid/status")
	kill -INT $pid && wait $pid || true
	sed 's/.*"packets":\([0-9]*\),.*"dropped":\([0-9]*\),"complete".*/\2 of \1/' "$dir/r" | awk -v r="$rss" '{ print $0 ", " r " MiB" }'
}

best=0
for rate in 50000 100000 150000 200000 250000 300000 400000 500000 700000 1000000; do
	tcpdump=$(tcpdump_drops "$packets" $rate)
	got=$(cat "$dir/s")
	own=$(shakedown_drops "$packets" $rate)
	echo "$rate asked, $got: tcpdump dropped $tcpdump, shakedown dropped $own"
	[ "$tcpdump" = 0 ] && best=${got%% *} # what was asked may be more than the sender can do
	case $got in "$rate "*) ;; *) sent=${got%% *}; [ "$sent" -lt $((rate * 8 / 10)) ] && break ;; esac
done
[ "$best" -gt 0 ] || { echo "tcpdump lost packets at every rate"; exit 1; }
echo "10000000 packets at $best a second, where tcpdump lost none:"
own=$(shakedown_drops 10000000 "$best")
echo "$(cat "$dir/s"): shakedown dropped $own"

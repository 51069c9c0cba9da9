#!/bin/sh
# Checks all captures below the folders given with tshark: nothing malformed, checksums right, times rising.
# Prints what is wrong and exits 1; says nothing when all is well. Cases made wrong on purpose will show.
status=0
for file in $(find "$@" -type f -name 'capture.*' | sort); do
  bad=$(tshark -r "$file" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
    -Y '_ws.malformed || ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 ||
        icmp.checksum.status==0 || icmpv6.checksum.status==0 || frame.time_delta < 0' 2>/dev/null)
  [ -z "$bad" ] || { echo "$file"; echo "$bad" | head -5; status=1; }
done
exit $status

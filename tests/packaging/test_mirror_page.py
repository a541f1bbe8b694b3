# SPDX-License-Identifier: Apache-2.0
"""docs/operators/mirror.md does what it says: the operator's commands and those of hosts, in order, on a host
of their own, with an HTTPS server of that name."""

import shlex

import sandbox
import test_operator_docs as page
from lab import ROOT

SERVER = """
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/var/www/mirror")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
"""

# A host without any other repository. What is installed on it goes to memory, too.
HOST = """
mkdir "$SANDBOX/usr" "$SANDBOX/work-usr"
mount -t overlay overlay /usr -o "lowerdir=/usr,upperdir=$SANDBOX/usr,workdir=$SANDBOX/work-usr"
printf '127.0.0.1 localhost mirror.example.com\\n' >/etc/hosts
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/*proxy* /etc/yum.repos.d
mkdir -p /etc/pki/rpm-gpg /etc/yum.repos.d /var/www/mirror
ln -s PACKAGES /root/packages
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mirror.example.com -keyout /root/tls.pem \
    -addext subjectAltName=DNS:mirror.example.com -out /root/certificate 2>/dev/null
cat /root/certificate >>/etc/ssl/certs/ca-certificates.crt
cat /root/certificate >>/root/tls.pem
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
exec 8< <(exec python3 -c SERVER /root/tls.pem 2>/dev/null)
read -r _ <&8
cd ROOT
exec 2>&1
set -o pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
"""


def test_every_command_of_the_page_runs(packages, tmp_path):
    host = HOST
    for name, value in (("PACKAGES", packages), ("SERVER", SERVER), ("ROOT", ROOT)):
        host = host.replace(name, shlex.quote(str(value)))
    done = sandbox.run(host + page.session("mirror.md"), tmp_path, timeout=240)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]

"""What a proxy without a control plane must not load."""

import subprocess
import sys

CODE = """
import sys
import lateen.proxy.xds.bootstrap
import lateen.proxy.xds.files
import lateen.proxy.xds.grpc_source
import lateen.proxy.xds.rest
import lateen.proxy.xds.subscriptions
print(*sorted({"grpc", "google.protobuf.json_format"} & sys.modules.keys()))
"""


def test_grpc_is_loaded_with_the_first_channel_only():
    found = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == ""

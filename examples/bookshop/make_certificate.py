"""Makes a certificate for bookshop.example, signed by itself, as the Secret that the gateway names.

Writes bookshop.pem, which curl is to trust, and active/certificate.yaml. Needs `openssl`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HOST = "bookshop.example"
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {{name: bookshop-certificate}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{certificate}
  tls.key: |
{key}
"""


def make(folder: Path) -> None:
    """Write both files into the folder of the example."""
    with tempfile.TemporaryDirectory() as made:
        key, certificate = Path(made, "key.pem"), Path(made, "certificate.pem")
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"),
                *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={HOST}"),
                *("-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", certificate),
            ],
            check=True,
            capture_output=True,
        )
        text = SECRET.format(certificate=_indented(certificate), key=_indented(key))
        (folder / "bookshop.pem").write_text(certificate.read_text())
    secret = folder / "active" / "certificate.yaml"
    secret.touch(mode=0o600)
    secret.write_text(text)


def _indented(path: Path) -> str:
    return "\n".join(f"    {line}" for line in path.read_text().splitlines())


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

from lateen.control.documents import read_documents
from lateen.control.resources.reading import read_resource

SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: c}
data:
  a: VALUE
stringData: {b: text}
"""


def read(value):
    (document,) = read_documents("secret.yaml", SECRET.replace("VALUE", value))
    return read_resource(document)


def test_entries_are_base64_or_text():
    resource, report = read("|\n    aGVs\n    bG8=\n")
    assert report.found == []
    assert resource.spec.value("a") == b"hello"
    assert resource.spec.value("none", "b", "a") == b"text"
    assert resource.spec.value("none") == b""
    assert resource.spec.names == ["a", "b"]


def test_what_is_no_base64_refuses_the_secret_without_showing_it():
    resource, report = read("hello!")
    assert resource is None
    (problem,) = report.found
    assert (problem.line, problem.path) == (5, "data.a")
    assert "hello" not in str(problem)

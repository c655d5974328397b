import pytest

from lateen.filters import MARK, Response, http_filter


def test_an_answer():
    made = Response(403, "nö", {"x-a": "1"})
    assert (made.status, made.body, made.headers) == (403, "nö".encode(), [("x-a", "1")])
    assert Response(200, b"\xff", [("a", "1"), ("a", "2")]).headers == [("a", "1"), ("a", "2")]
    assert Response(204).body == b""


@pytest.mark.parametrize("status", [0, 100, 199, 600])
def test_a_status_that_is_none(status):
    with pytest.raises(ValueError, match=f"{status} is no status of a response"):
        Response(status)


def test_what_is_marked_stays_what_it_is():
    @http_filter
    def plain(request):
        return request

    @http_filter(config=dict)
    def configured(request, config):
        return config

    @http_filter(request_body=True)
    class Whole:
        pass

    assert (plain(1), getattr(plain, MARK)) == (1, (None, False, False))
    assert (configured(1, 2), getattr(configured, MARK)) == (2, (dict, False, False))
    assert getattr(Whole, MARK) == (None, True, False)

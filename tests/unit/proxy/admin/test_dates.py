from email.utils import formatdate

import pytest

from lateen.proxy.admin.dates import http_date


@pytest.mark.parametrize("seconds", [0, 951782399, 951782400, 1798761599.9, 4102444800])
def test_dates_are_those_of_mail(seconds):
    assert http_date(seconds) == formatdate(int(seconds), usegmt=True)


def test_a_date():
    assert http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"

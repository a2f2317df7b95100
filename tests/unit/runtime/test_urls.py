"""URLs of servers in the settings: what cannot be read is said, and no password with it."""

import pytest
from pydantic import ValidationError

from app.runtime.settings.settings import Settings


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://billie:Wi/lhelmina@127.0.0.1:27017/",
        "mongodb://billie:1234/Wilhelmina@127.0.0.1:27017/",
        "mongodb://billie:Wi?lhelmina@127.0.0.1:27017/",
        "mongodb://billie:Wi#lhelmina@127.0.0.1:27017/",
        "mongodb://127.0.0.1:27017,b:port/",
    ],
)
def test_a_url_that_cannot_be_read_is_refused(url: str) -> None:
    for name in ("mongo_url", "redis_url"):
        wrong = url if name == "mongo_url" else url.replace("mongodb:", "redis:")
        with pytest.raises(ValidationError, match=r"cannot be read.*%2F") as refused:
            Settings(**{name: wrong})  # type: ignore[arg-type]
        assert "Wi" not in refused.value.errors(include_input=False)[0]["msg"]


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://a:27017,b:27018,[::1]:27019/?replicaSet=rs0",
        "mongodb+srv://billie:Wi%2Flhel%40mina@cluster.example/",
        "mongodb://%2Ftmp%2Fmongodb.sock/",
        "mongodb://127.0.0.1/?appName=billie@laptop",
    ],
)
def test_a_readable_url_is_unchanged(url: str) -> None:
    assert Settings(mongo_url=url).mongo_url == url


@pytest.mark.parametrize(
    "url", ["redis://:Wi%2Flhel@127.0.0.1:6379/0", "rediss://[::1]:6379/0", "unix:///run/redis.sock?db=1"]
)
def test_an_unreadable_redis_url_is_refused(url: str) -> None:
    assert Settings(redis_url=url).redis_url == url

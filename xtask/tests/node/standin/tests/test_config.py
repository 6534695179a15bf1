from shared.common.config import Config


def test_the_environment_says_where_the_service_listens(monkeypatch):
    monkeypatch.setenv("API_PORT", "8123")
    assert Config.from_env().API_PORT == 8123

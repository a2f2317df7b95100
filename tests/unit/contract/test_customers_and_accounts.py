"""Contract, "Any order": an account may precede its customer."""

from tests.support.data.contract import in_any_order, sent


def test_an_account_may_precede_its_customer() -> None:
    found = in_any_order(
        [
            sent("account.created.v1", account_id="L1", customer_id="C1"),
            sent("customer.created.v1", customer_id="C1", first_name="Ann", last_name="Lee"),
            sent("customer.changed.v1", customer_id="C1", email_address="ann@example.com"),
        ]
    )
    assert found["loan-accounts"]["L1"]["customerName"] == "Ann Lee"

"""The read model ``loan-accounts``: one document a loan account, with its customer's name."""

from app.aggregates import LoanAccount
from app.aggregates.loan_account.reports import Report, insert
from app.projections.engine.projection import on_event
from app.projections.engine.values import Document, erase
from app.projections.read_models.base import ReadModel
from app.projections.read_models.customer_names import OF_CUSTOMER, ShowsCustomerName
from app.projections.read_models.loan_accounts.customers import AccountsOfCustomer
from app.projections.read_models.loan_accounts.derived import derive
from app.projections.read_models.loan_accounts.document import REPORTS, LoanAccountDocument
from app.projections.read_models.search_keys.keys import set_search_keys


class LoanAccounts(ShowsCustomerName, ReadModel):
    """How events change an account's document."""

    name = "loan-accounts"
    model = LoanAccountDocument
    own = (LoanAccount,)
    others = OF_CUSTOMER
    lookup = AccountsOfCustomer()

    def finish(self, document: Document) -> None:
        super().finish(document)
        if REPORTS in document:
            derive(document, document[REPORTS], self.calendar)
        set_search_keys(self.name, document)

    @on_event
    def linked_to_customer(self, document: Document, event: LoanAccount.LinkedToCustomer) -> None:
        if document.get("customerId") != event.customer_id:
            document.pop("customerName", None)
        document["customerId"] = event.customer_id

    @on_event
    def personal_data_erased(self, document: Document, event: LoanAccount.PersonalDataErased) -> None:
        erase(document, event, "customerName")
        for report in document.get(REPORTS, ()):
            report.get("terms", {}).pop("signed_loan_agreement_url", None)

    @on_event
    def reported(
        self,
        document: Document,
        event: LoanAccount.Opened
        | LoanAccount.Updated
        | LoanAccount.AgreementReported
        | LoanAccount.Closed
        | LoanAccount.ScheduleCreated
        | LoanAccount.InstalmentsReported
        | LoanAccount.AgingReported,
    ) -> None:
        reports: list[Report] = document.setdefault(REPORTS, [])
        for report in event.reports():
            insert(reports, report)

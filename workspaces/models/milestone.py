from django.db import models

from core import clock
from workspaces.models.user import User
from workspaces.models.workspace import Workspace


class Milestone(models.Model):
    """What a person has reached on the checklist of a workspace and no other record tells, and when.

    One that was dismissed is a milestone too.
    """

    class Name(models.TextChoices):
        FAILURE_VIEWED = "failure_viewed", "Viewed why a webhook failed"
        EMAIL_VIEWED = "email_viewed", "Viewed an alert's email"
        ERROR_PASTED = "error_pasted", "Pasted a 401"
        DISMISSED = "dismissed", "Dismissed the checklist"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="milestones")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="milestones")
    name = models.CharField(max_length=20, choices=Name.choices)
    at = models.DateTimeField(default=clock.cached_now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace", "name"], name="one_milestone_each")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id}: {self.get_name_display()}"


clock.register(Milestone, past=("at",))

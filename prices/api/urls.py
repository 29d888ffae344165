"""Routes of the API, below /cache/."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from prices.api import views

urlpatterns = [
    path("status", views.StatusView.as_view()),
    path("scheduler/status", views.SchedulerView.as_view()),
    path("historical/<str:symbol>", views.HistoricalView.as_view()),
    path("actions/<str:symbol>", views.ActionsView.as_view()),
    path("corrections/<str:symbol>", views.CorrectionsView.as_view()),
    path("quarantine", views.QuarantineView.as_view()),
    path("quarantine/release", views.ReleaseView.as_view()),
    path("quarantine/keep", views.KeepView.as_view()),
    path("refresh-live", views.RefreshLiveView.as_view()),
    path("sync-historical", views.SyncHistoricalView.as_view()),
    path("try-now", views.TryNowView.as_view()),
    path("backfill-symbol", views.BackfillSymbolView.as_view()),
    path("backfill-all", views.BackfillAllView.as_view()),
    path("runs/<int:run_id>", views.RunView.as_view()),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]

# urls.py: path("api/messages-token", messages_token_view)
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from .messages_token import messages_token


@never_cache
def messages_token_view(request):
    user = request.user
    if not user.is_authenticated:
        return HttpResponse(status=401)
    return JsonResponse({"token": messages_token(user.pk, user.get_full_name())})

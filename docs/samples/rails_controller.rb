# frozen_string_literal: true

# config/routes.rb: get "/api/messages-token", to: "messages_tokens#show"
class MessagesTokensController < ApplicationController
  # Devise's own answer to a stranger is a redirect; pages understand 401.
  skip_before_action :authenticate_user!, raise: false

  def show
    return head :unauthorized unless current_user

    response.headers["Cache-Control"] = "no-store"
    render json: { token: MessagesToken.for(id: current_user.id, name: current_user.name) }
  end
end
